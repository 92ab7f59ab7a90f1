package main

import (
	"encoding/json"
	"fmt"
	"net/url"
	"os"

	"deskstream/local"
)

// running says whether another program holds the data folder. With everything outside of it, nothing has to.
func running(c *Config) bool {
	if c.NATSURL != "" && c.ClickHouseDSN != "" {
		return false
	}
	unlock, err := local.Lock(c.Data)
	if err == nil {
		unlock()
	}
	return err != nil
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
