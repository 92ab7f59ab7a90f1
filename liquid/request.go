package liquid

import (
	"strings"
	"time"
)

// Formats of parts.
const (
	FormatHTML    = "html"    // every output is HTML-escaped unless it is marked as HTML
	FormatText    = "text"    // nothing is escaped
	FormatSubject = "subject" // one line: line breaks become a space; nothing is escaped
)

// Policies for an output in which a variable has no value: the one that is written, or one in an argument of a filter. Conditions and loops
// never fail for want of a value.
const (
	MissingBlank = "blank" // it writes nothing
	MissingError = "error" // the render fails, unless the output has a default
	MissingKeep  = "keep"  // its source stays in the text, unless the output has a default
)

// Policies for errors in values.
const (
	ErrorsFail   = "fail"   // the render fails and gives no text
	ErrorsInline = "inline" // "Liquid error: ..." stands in the text; for previews only
)

// Request is one render: templates and data. The zero value of every option is a working default.
type Request struct {
	// Parts are the templates by name. The parts html, text and subject, in any case, have that format, others the one in Format.
	Parts map[string]string
	// Format is html, text or subject; "" is html, the one that is safe everywhere.
	Format string
	// Data holds the roots: person, organization, activity, activities, metrics, campaign, request and whatever else templates may use.
	// It is made of map[string]any, *Ordered, []any, text, numbers, booleans, times and nil only and is not changed. See DecodeData for JSON.
	Data map[string]any
	// Now is the time templates see as now; zero: they see none.
	Now time.Time
	// Snippets are the sources that the tags render and include may use, by name. The map is only read.
	Snippets map[string]string
	// Missing is blank, error or keep; "" is blank.
	Missing string
	// Defaults fills in for variables that have no value, or the empty text, before anything else looks at them: "person.first_name" to
	// "there". Values are scalars.
	Defaults map[string]any
	// TimeZone is the IANA zone in which dates are shown; "": the person's time_zone if there is one, else dates keep their own.
	TimeZone string
	// Autoescape false turns the escaping of HTML parts off: standard Liquid. nil is true.
	Autoescape *bool
	// Errors is fail or inline; "" is fail. Limits and refusals always fail.
	Errors string
	// Explain asks for Result.Values.
	Explain bool
}

// Result is a finished render.
type Result struct {
	Parts   map[string]string // nil when aborted
	Used    []string          // variables of the data that were looked at; sorted
	Missing []string          // variables that were looked at and had no value, with or without a default; sorted
	Aborted *string           // the reason, when the template decided not to be sent
	Values  []Value           // what each variable of the data gave, by path; with Explain
	Errors  []Error           // what went wrong without failing the render: conditions on data of the wrong type, and with "inline" all in the text
	Stats   Stats
}

// Stats is what a render cost.
type Stats struct {
	Micros int64 // wall time in microseconds
	Bytes  int64 // text given, all parts
	Ops    int64 // steps taken
}

// check refuses unknown options.
func (r *Request) check() error {
	for _, o := range []struct{ field, value, accepted string }{
		{"format", r.Format, " html text subject "},
		{"missing", r.Missing, " blank error keep "},
		{"errors", r.Errors, " fail inline "},
	} {
		if o.value != "" && !isOneOf(o.value, o.accepted) {
			return typef("%s %q is not one of%s", o.field, cutText(o.value, 40), o.accepted[:len(o.accepted)-1])
		}
	}
	for k, v := range r.Defaults {
		switch v.(type) {
		case map[string]any, *Ordered, []any:
			return typef("defaults.%s: only text, numbers and booleans are accepted", cutText(k, 80))
		}
	}
	return nil
}

// formatOf gives the format of a part. A part called Subject must not add lines to a header any more than one called subject.
func (r *Request) formatOf(part string) string {
	switch name := strings.ToLower(part); name {
	case FormatHTML, FormatText, FormatSubject:
		return name
	}
	if r.Format == "" {
		return FormatHTML
	}
	return r.Format
}

func isOneOf(value, spaced string) bool {
	for i := 0; i+len(value)+2 <= len(spaced); i++ {
		if spaced[i] == ' ' && spaced[i+1:i+1+len(value)] == value && spaced[i+1+len(value)] == ' ' {
			return true
		}
	}
	return false
}
