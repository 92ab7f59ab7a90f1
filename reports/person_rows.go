package reports

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"encoding/json/jsontext"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"deskstream/schemas"
)

// readRows reads the rows of an upsert; a row that cannot be read carries why. An error means that the whole cannot be used.
func readRows(contentType string, body []byte) ([]*upsertRow, error) {
	kind, params, err := mime.ParseMediaType(contentType)
	if err != nil && contentType != "" {
		kind = contentType
	}
	if charset := strings.ToLower(params["charset"]); charset != "" && charset != "utf-8" && charset != "utf8" {
		return nil, schemas.Invalid("header.Content-Type", "accepted as charset: utf-8")
	}
	body = bytes.TrimPrefix(body, []byte("\xef\xbb\xbf")) // a byte order mark, which spreadsheets and editors write
	switch kind {
	case "", "application/json":
		return readJSONRows(body)
	case "application/x-ndjson", "application/ndjson", "application/jsonl":
		return readLines(body), nil
	case "text/csv":
		return readCSVRows(body)
	}
	return nil, schemas.Invalid("header.Content-Type", "accepted: application/json, application/x-ndjson, text/csv")
}

// tooMany says whether there are more rows than a request may have: the rest is not read then, which would take far more memory than the body.
func tooMany(rows []*upsertRow) bool { return len(rows) > maxUpsert }

func readJSONRows(body []byte) ([]*upsertRow, error) {
	notArray := schemas.Invalid("body", "must be a JSON array of people; send NDJSON as application/x-ndjson and CSV as text/csv")
	d := jsontext.NewDecoder(bytes.NewReader(body), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)) // rows name these themselves
	if begin, err := d.ReadToken(); err != nil || begin.Kind() != '[' {
		return nil, notArray
	}
	var rows []*upsertRow
	for d.PeekKind() != ']' && !tooMany(rows) {
		raw, err := d.ReadValue()
		if err != nil {
			return nil, notArray
		}
		rows = append(rows, readJSONRow(len(rows)+1, bytes.Clone(raw)))
	}
	if tooMany(rows) {
		return rows, nil
	}
	_, err := d.ReadToken()
	if _, end := d.ReadToken(); err != nil || !errors.Is(end, io.EOF) {
		return nil, notArray
	}
	return rows, nil
}

func readLines(body []byte) []*upsertRow {
	var rows []*upsertRow
	line := 0
	for text := range bytes.Lines(body) {
		line++
		if text = bytes.TrimSpace(text); len(text) > 0 {
			rows = append(rows, readJSONRow(line, text))
		}
		if tooMany(rows) {
			break
		}
	}
	return rows
}

// maxUnknown is how many names that mean nothing an answer names.
const maxUnknown = 20

// rowFields are the members a row may have.
var rowFields = append([]string{"id"}, jsonFields(reflect.TypeFor[personValues]())...)

func readJSONRow(line int, raw []byte) *upsertRow {
	r := &upsertRow{line: line}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(raw, &members); err != nil || members == nil {
		r.bad.add("row", "must be a JSON object")
		return r
	}
	if at := doubled(raw); at != "" {
		r.bad.add(at, givenTwice)
		return r
	}
	unknown := 0
	for _, name := range slices.Sorted(maps.Keys(members)) {
		value, err := members[name], error(nil)
		switch {
		case !utf8.Valid(value):
			r.bad.add(name, notUTF8)
		case name == "id":
			err = json.Unmarshal(value, &r.id)
		case slices.Contains(rowFields, name):
			err = strictly(name, value, &r.values)
		case unknown < maxUnknown:
			r.bad.add(name, "is no field of a person; accepted: "+strings.Join(rowFields, ", "))
			unknown++
		}
		if err != nil {
			r.bad.add(name, expected(name))
		}
	}
	return r
}

// notUTF8 refuses what cannot be kept as it came.
const notUTF8 = "must be in UTF-8"

// strictly reads one member, so that a bad one can be named.
func strictly(name string, value json.RawMessage, into *personValues) error {
	one, err := schemas.Marshal(map[string]json.RawMessage{name: value})
	if err != nil {
		return err
	}
	d := json.NewDecoder(bytes.NewReader(one))
	d.DisallowUnknownFields()
	return d.Decode(into)
}

func expected(name string) string {
	switch name {
	case "permissions":
		return `must be an object with "email" and "sms" as true or false`
	case "custom":
		return "must be an object"
	}
	return "must be a text"
}

// readCSVRows reads a table with a header. A row with a quote in the wrong place costs only its line.
func readCSVRows(body []byte) ([]*upsertRow, error) {
	var header []string
	var rows []*upsertRow
	line := 1
	pass := func(n int) {
		line += bytes.Count(body[:n], []byte{'\n'})
		body = body[n:]
	}
	for {
		pass(len(body) - len(bytes.TrimLeft(body, "\r\n"))) // lines with nothing in them
		if len(body) == 0 || tooMany(rows) {
			return rows, nil
		}
		if header == nil && bytes.Count(firstLine(body), []byte{','}) >= maxColumns {
			return nil, schemas.Invalid("body.header", fmt.Sprintf("must have at most %d columns", maxColumns))
		}
		record, used, err := readRecord(body)
		at := line
		pass(used)
		switch {
		case header == nil && err == nil:
			if header, err = csvHeader(record); err != nil {
				return nil, err
			}
		case header == nil:
			return nil, schemas.Invalid("body.header", "must be a line of column names with commas between them")
		case err != nil:
			r := &upsertRow{line: at}
			r.bad.add("row", "has a quote in the wrong place; a value with quotes, commas or line breaks stands in quotes, and its quotes are doubled")
			rows = append(rows, r)
		default:
			rows = append(rows, tableRow(at, header, record))
		}
	}
}

// readRecord reads the first record and tells how many bytes it takes; of one that cannot be read, its first line.
func readRecord(body []byte) (record []string, used int, err error) {
	r := csv.NewReader(bytes.NewReader(body))
	r.FieldsPerRecord = -1
	record, err = r.Read()
	if err == nil {
		return record, int(min(r.InputOffset(), int64(len(body)))), nil
	}
	return nil, len(firstLine(body)), err
}

// firstLine gives the first line with its end.
func firstLine(body []byte) []byte {
	if end := bytes.IndexByte(body, '\n'); end >= 0 {
		return body[:end+1]
	}
	return body
}

// maxColumns bounds the columns of a table: as many as a person has fields, with much to spare.
const maxColumns = 1000

func csvHeader(record []string) ([]string, error) {
	header, seen := make([]string, len(record)), map[string]bool{}
	var bad fieldErrors
	for i, name := range record {
		header[i] = strings.ToLower(strings.TrimSpace(name))
		custom, isCustom := strings.CutPrefix(header[i], "custom.")
		known := slices.Contains(rowFields, header[i]) && header[i] != "custom" && header[i] != "permissions"
		switch {
		case len(bad) == maxUnknown:
		case seen[header[i]]:
			bad.add("body.header."+header[i], givenTwice)
		case known, header[i] == "permissions.email", header[i] == "permissions.sms", isCustom && schemas.CustomKey.MatchString(custom):
		default:
			bad.add("body.header."+header[i], "accepted: id, first_name, last_name, email, phone_number, external_id, language, timezone, permissions.email, "+
				"permissions.sms and custom.<key>")
		}
		seen[header[i]] = true
	}
	return header, invalidFields(bad)
}

func tableRow(line int, header, record []string) *upsertRow {
	r := &upsertRow{line: line}
	if len(record) != len(header) {
		r.bad.add("row", fmt.Sprintf("has %d values, the header has %d", len(record), len(header)))
		return r
	}
	texts := r.values.texts()
	for i, name := range header {
		cell := strings.TrimSpace(record[i])
		custom, isCustom := strings.CutPrefix(name, "custom.")
		switch {
		case !utf8.ValidString(cell):
			r.bad.add(name, notUTF8)
		case cell == "":
		case name == "id":
			r.id = cell
		case isCustom:
			r.values.setCustom(custom, cell)
		case texts[name] != nil:
			*texts[name] = &cell
		default:
			r.permission(name, cell)
		}
	}
	return r
}

func (v *personValues) setCustom(key, text string) {
	if v.Custom == nil {
		v.Custom = map[string]json.RawMessage{}
	}
	v.Custom[key] = json.RawMessage(jsonText(text))
}

func (r *upsertRow) permission(name, cell string) {
	b, err := strconv.ParseBool(strings.ToLower(cell))
	if err != nil {
		r.bad.add(name, "must be true or false")
		return
	}
	if r.values.Permissions == nil {
		r.values.Permissions = &permissionValues{}
	}
	if name == "permissions.email" {
		r.values.Permissions.Email = &b
	} else {
		r.values.Permissions.SMS = &b
	}
}
