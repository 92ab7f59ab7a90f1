package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"deskstream/local"
)

// running says whether another program holds the data folder, and makes nothing there. With everything outside of it, nothing has to.
func running(c *Config) bool {
	if c.NATSURL != "" && c.ClickHouseDSN != "" || !c.holds(local.LockName) {
		return false
	}
	unlock, err := local.Lock(c.Data)
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
func (c *Config) wantData(parts ...string) error {
	if c.NATSURL != "" || running(c) || c.holds(parts...) {
		return nil
	}
	return fmt.Errorf("no data folder at %s: there is no %s in it; --data is the folder of `deskstream run`, which makes it at its first start",
		c.Data, strings.Join(parts, " and no "))
}

// wantPipeline is wantData of a tool that reads the streams and fills tables. With a ClickHouse outside, its record of the streams tells what is lost.
func (c *Config) wantPipeline() error {
	if c.ClickHouseDSN != "" {
		return nil
	}
	return c.wantData(natsFolder, clickhouseFolder)
}

// holds says whether the data folder has one of the parts. What cannot be looked at counts as there: opening it says what is wrong.
func (c *Config) holds(parts ...string) bool {
	for _, part := range parts {
		if _, err := os.Stat(filepath.Join(c.Data, part)); !errors.Is(err, os.ErrNotExist) {
			return true
		}
	}
	return false
}

// attach fills in the addresses of the NATS server and ClickHouse of the program that runs on the data folder.
func attach(c *Config) error {
	if c.NATSURL != "" && c.ClickHouseDSN != "" {
		return nil
	}
	body, err := os.ReadFile(controlFile(c.Data))
	var inside control
	if err == nil {
		err = json.Unmarshal(body, &inside)
	}
	if err != nil {
		return fmt.Errorf("control file: %w", err)
	}
	if c.NATSURL == "" {
		u, err := url.Parse(inside.URL)
		if err != nil {
			return fmt.Errorf("control file %s: %w", controlFile(c.Data), err)
		}
		if inside.Token != "" {
			u.User = url.User(inside.Token)
		}
		c.NATSURL, c.attached = u.String(), inside.Token != ""
	}
	if c.ClickHouseDSN == "" {
		c.ClickHouseDSN = inside.ClickHouse
	}
	return nil
}
