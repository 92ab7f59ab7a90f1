package main

import (
	"bytes"
	"strings"
	"syscall"
	"testing"
	"time"

	"deskstream/ingest/zendesktest"
	"deskstream/local/localtest"
)

// TestDoctorAndAPIWhileClickHouseHangs stops the engine of a running program: the API answers that ClickHouse is not there, and the doctor, which
// found all in order before, says so too.
func TestDoctorAndAPIWhileClickHouseHangs(t *testing.T) {
	t.Parallel()
	needEngine(t)
	account, err := zendesktest.History(8, 1, 1, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	zendesk, data, addr := serveAccount(t, account, zendesktest.AdminEmail).URL(), t.TempDir(), freeAddress(t)
	p := newProgram(t, nil, quickRun(data, addr, zendesk)...)
	p.start()
	api := newClient("http://"+addr, testKey)
	p.ready(api)
	connect(t, api, account.Subdomain, zendesktest.AdminEmail, 60)
	doctor := func() (int, string) {
		var out, errs bytes.Buffer
		status := Main(t.Context(), []string{"doctor", "--data", data, "--engine", localtest.Library(), "--zendesk-url", zendesk, "--log-level", "error"}, &out, &errs)
		return status, out.String() + errs.String()
	}
	status, found := doctor()
	if !strings.Contains(found, "ok    clickhouse   server version: ") || strings.Contains(found, "FAIL  clickhouse") {
		t.Errorf("beside a program: status %d:\n%s", status, found)
	}
	engine := childOf(p.cmd.Process.Pid)
	t.Cleanup(func() { _ = syscall.Kill(engine, syscall.SIGKILL) }) // stopped, it does not see its parent end
	if err := syscall.Kill(engine, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/v1/people", "/v1/reports/csat", "/v1/reports/backlog"} {
		if err := api.call(t.Context(), "GET", path, nil, nil); err == nil || !strings.Contains(err.Error(), "503 Service Unavailable") {
			t.Errorf("%v, want 503", err)
		}
	}
	if status, found := doctor(); status != 1 || !strings.Contains(found, "FAIL  clickhouse") {
		t.Errorf("while it hangs: status %d:\n%s", status, found)
	}
}
