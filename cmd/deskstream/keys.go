package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/rs/zerolog"

	"deskstream/schemas"
	"deskstream/stream"
)

type keysCmd struct {
	Create keysCreateCmd `cmd:"" help:"Make a key; it is printed once."`
	List   keysListCmd   `cmd:"" help:"List keys by prefix, scopes and state."`
	Revoke keysRevokeCmd `cmd:"" help:"End a key at once."`
}

type keysCreateCmd struct {
	BaseFlags
	Name    string         `required:"" help:"What the key is for."`
	Scopes  []string       `name:"scope" default:"reports" help:"admin, people, reports, render; repeat or separate by commas."`
	Expires *time.Duration `help:"Life of the key, e.g. 720h (default: for ever)."`
}

// Run makes a key, stores its hash and prints it.
func (c *keysCreateCmd) Run(ctx context.Context, out *streams) error {
	if err := c.check(); err != nil {
		return err
	}
	return c.withStream(ctx, out, func(s *stream.Stream) error { return c.create(ctx, s, out) })
}

// check refuses what would make another key than was meant, and takes each scope once.
func (c *keysCreateCmd) check() error {
	if len(c.Scopes) == 0 {
		return &settingError{"scope", "", strings.Join(schemas.Scopes, ", ")}
	}
	var once []string
	for _, s := range c.Scopes {
		if !slices.Contains(schemas.Scopes, s) {
			return &settingError{"scope", s, strings.Join(schemas.Scopes, ", ")}
		}
		if !slices.Contains(once, s) {
			once = append(once, s)
		}
	}
	c.Scopes = once
	// The parser of the command line puts RuneError in place of bytes that are no UTF-8.
	if strings.TrimSpace(c.Name) == "" || c.Name != shownName(c.Name) || strings.ContainsRune(c.Name, utf8.RuneError) {
		return &settingError{"name", shownName(c.Name), fmt.Sprintf("what the key is for in one line of at most %d characters, e.g. dashboard", keyName)}
	}
	if c.Expires != nil && *c.Expires <= 0 {
		return &settingError{"expires", c.Expires.String(), "a duration above 0, e.g. 720h; without it the key does not expire"}
	}
	return nil
}

// keyName is how many characters the name of a key has at most.
const keyName = 100

// shownName gives the name of a key as a line of a list can hold it. A name that it changes is refused; earlier builds took any.
func shownName(name string) string {
	all := []rune(strings.ToValidUTF8(name, "�"))
	if len(all) > keyName {
		all = append(all[:keyName-1], '…')
	}
	for i, r := range all {
		if unicode.In(r, unicode.Cc, unicode.Zl, unicode.Zp) {
			all[i] = '�'
		}
	}
	return string(all)
}

func (c *keysCreateCmd) create(ctx context.Context, s *stream.Stream, out *streams) error {
	secret, key := newKey(c.Name, c.Scopes, time.Now())
	if c.Expires != nil {
		at := key.CreatedAt.Add(*c.Expires)
		key.ExpiresAt = &at
	}
	if err := s.PutAPIKey(ctx, key); err != nil {
		return err
	}
	fmt.Fprintln(out.err, "key", key.ID, "with scopes", strings.Join(key.Scopes, ", ")+"; it is shown only now:")
	fmt.Fprintln(out.out, secret)
	return nil
}

// newKey makes a key of 256 random bits.
func newKey(name string, scopes []string, now time.Time) (string, schemas.Key) {
	secret := "dsk_" + newSecret()
	return secret, keyRecord(secret, name, scopes, now)
}

func keyRecord(secret, name string, scopes []string, now time.Time) schemas.Key {
	sum := sha256.Sum256([]byte(secret))
	return schemas.Key{
		ID: "k_" + schemas.HashID("key", hex.EncodeToString(sum[:]))[:12], Name: name, Hash: hex.EncodeToString(sum[:]),
		Prefix: secret[:min(8, len(secret))], Scopes: scopes, CreatedAt: now.UTC(),
	}
}

type keysListCmd struct{ BaseFlags }

// Run lists the keys.
func (c *keysListCmd) Run(ctx context.Context, out *streams) error {
	return c.withStream(ctx, out, func(s *stream.Stream) error {
		keys, err := s.APIKeys(ctx)
		if err != nil {
			return err
		}
		w := tabwriter.NewWriter(out.out, 0, 4, 2, ' ', 0)
		fmt.Fprintln(w, "ID\tPREFIX\tNAME\tSCOPES\tCREATED\tSTATE")
		for _, k := range keys {
			fmt.Fprintf(w, "%s\t%s…\t%s\t%s\t%s\t%s\n", k.ID, k.Prefix, shownName(k.Name), strings.Join(k.Scopes, ","), k.CreatedAt.Format(time.DateOnly), keyState(k))
		}
		return w.Flush()
	})
}

func keyState(k schemas.Key) string {
	switch {
	case k.RevokedAt != nil:
		return "revoked"
	case k.ExpiresAt != nil && k.ExpiresAt.Before(time.Now()):
		return "expired"
	}
	return "valid"
}

type keysRevokeCmd struct {
	BaseFlags
	ID string `arg:"" help:"Id of the key, from keys list."`
}

// Run revokes a key.
func (c *keysRevokeCmd) Run(ctx context.Context, out *streams) error {
	return c.withStream(ctx, out, func(s *stream.Stream) error {
		keys, err := s.APIKeys(ctx)
		if err != nil {
			return err
		}
		for _, k := range keys {
			switch {
			case k.ID == c.ID && k.RevokedAt != nil:
				fmt.Fprintln(out.err, "key", k.ID, "was revoked at", k.RevokedAt.Format(time.RFC3339))
				return nil
			case k.ID == c.ID:
				now := time.Now().UTC()
				k.RevokedAt = &now
				return s.PutAPIKey(ctx, k)
			}
		}
		return fmt.Errorf("key %q: %w; `deskstream keys list` shows what there is", c.ID, schemas.ErrNotFound)
	})
}

// bootstrapKey stores the key of --api-key, or makes one when there is none yet; it returns a key that was made now. A key that was revoked stays
// so, whatever the setting says.
func bootstrapKey(ctx context.Context, s *stream.Stream, given string, now time.Time, log zerolog.Logger) (string, error) {
	keys, err := s.APIKeys(ctx)
	if err != nil {
		return "", err
	}
	if given != "" {
		record := keyRecord(given, "bootstrap", []string{schemas.ScopeAdmin}, now)
		for _, k := range keys {
			if k.Hash != record.Hash {
				continue
			}
			if k.RevokedAt != nil {
				log.Warn().Str("key", k.ID).Msg("--api-key was revoked and stays so: set another one, or make one by `deskstream keys create --scope admin`")
			}
			return "", nil
		}
		return "", s.PutAPIKey(ctx, record)
	}
	for _, k := range keys {
		if k.RevokedAt == nil && slices.Contains(k.Scopes, schemas.ScopeAdmin) {
			return "", nil
		}
	}
	secret, record := newKey("bootstrap", []string{schemas.ScopeAdmin}, now)
	if err := s.PutAPIKey(ctx, record); err != nil {
		return "", err
	}
	return secret, nil
}
