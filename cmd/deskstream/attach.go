package main

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"deskstream/local"
)

// running says whether there is a running program to attach to. With everything outside of the data folder nothing has to hold that.
func (f *StoreFlags) running() bool {
	return (f.NATSURL == "" || f.ClickHouseDSN == "") && f.locked()
}

// locked says whether another program holds the data folder, and makes nothing there.
func (f *BaseFlags) locked() bool {
	if !f.holds(local.LockName) {
		return false
	}
	unlock, err := local.Lock(f.Data)
	if err == nil {
		unlock()
	}
	return err != nil
}

const (
	// natsFolder and clickhouseFolder are the parts of a data folder.
	natsFolder       = "nats"
	clickhouseFolder = "clickhouse"
)

// wantData refuses a data folder that has none of the parts a tool reads: it would make them, empty, of a mistyped --data and find nothing amiss. A NATS
// server outside, or a running program, has them elsewhere.
func (f *BaseFlags) wantData(parts ...string) error {
	if f.NATSURL != "" || f.locked() || f.holds(parts...) {
		return nil
	}
	return fmt.Errorf("no data folder at %s: there is no %s in it; --data is the folder of `deskstream run`, which makes it at its first start",
		f.Data, strings.Join(parts, " and no "))
}

// wantPipeline is wantData of a tool that reads the streams and fills tables. With a ClickHouse outside, its record of the streams tells what is lost.
func (f *StoreFlags) wantPipeline() error {
	if f.ClickHouseDSN != "" {
		return nil
	}
	return f.wantData(natsFolder, clickhouseFolder)
}

// holds says whether the data folder has one of the parts. What cannot be looked at counts as there: opening it says what is wrong.
func (f *BaseFlags) holds(parts ...string) bool {
	for _, part := range parts {
		if _, err := os.Stat(filepath.Join(f.Data, part)); !errors.Is(err, os.ErrNotExist) {
			return true
		}
	}
	return false
}

// attach fills in the addresses of the NATS server and ClickHouse of the program that runs on the data folder.
func (f *StoreFlags) attach() error {
	if f.NATSURL != "" && f.ClickHouseDSN != "" {
		return nil
	}
	inside, err := readControl(f.Data)
	if err != nil {
		return err
	}
	if f.NATSURL == "" {
		u, err := url.Parse(inside.URL)
		if err != nil {
			return fmt.Errorf("control file %s: %w", controlFile(f.Data), err)
		}
		if inside.Token != "" {
			u.User = url.User(inside.Token)
		}
		f.NATSURL, f.attached = u.String(), inside.Token != ""
	}
	if f.ClickHouseDSN == "" {
		f.ClickHouseDSN = inside.ClickHouse
	}
	return nil
}
