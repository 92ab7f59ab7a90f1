//go:build (linux || darwin) && !noengine

package local

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"runtime"
	"strings"
)

const (
	// overdueLooks is how many looks in a row must find the same query at work before the engine is restarted.
	overdueLooks = 3

	overdueQueries = "SELECT query_id, arrayStringConcat(thread_ids, ' ') FROM system.processes " +
		"WHERE user = 'analyst' AND elapsed > 2 * toFloat64OrZero(Settings['max_execution_time'])"
)

// endOverdue restarts the engine under a query of the analyst that computes on and on past twice its limit of time. ClickHouse looks at the limit, at a
// KILL and at whether the client is still there between two blocks of rows only: one call of a function may take days, and five take all places.
func (e *Engine) endOverdue(ctx context.Context) {
	var looks map[string]int // by query
	for sleep(ctx, e.options.overdueEach) {
		e.mu.Lock()
		c := e.child
		e.mu.Unlock()
		if c == nil {
			looks = nil
			continue
		}
		found, err := querier{url: e.HTTP(), user: "app", password: e.secrets.app}.query(ctx, overdueQueries)
		if err != nil {
			continue // the next look may be answered
		}
		looks = lookAgain(looks, found, c.cmd.Process.Pid)
		for query, n := range looks {
			if n >= overdueLooks && ctx.Err() == nil {
				e.options.Log.Error().Str("query_id", query).
					Msg("a query of the analyst goes on past twice its limit of time and cannot be ended, the engine is killed and restarted; engine.log has its text")
				_ = c.cmd.Process.Kill()
				looks = nil
				break
			}
		}
	}
}

// lookAgain counts the looks that found each query at work, from lines of a query and its threads.
func lookAgain(before map[string]int, found string, pid int) map[string]int {
	now := map[string]int{}
	for line := range strings.Lines(found) {
		query, threads, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		if atWork(pid, strings.Fields(threads)) {
			now[query] = before[query] + 1
		}
	}
	return now
}

// atWork says whether one of the threads computes. Those of a query whose client is slow to read its answer wait, and end with the client. Where the
// system does not tell, all compute.
func atWork(pid int, threads []string) bool {
	if runtime.GOOS != "linux" {
		return true
	}
	for _, id := range threads {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%s/stat", pid, id))
		if err != nil {
			continue // it has ended
		}
		_, state, _ := bytes.Cut(stat[bytes.LastIndexByte(stat, ')')+1:], []byte(" "))
		if len(state) > 0 && (state[0] == 'R' || state[0] == 'D') {
			return true
		}
	}
	return false
}
