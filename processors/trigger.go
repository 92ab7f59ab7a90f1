package processors

import (
	"bytes"
	"encoding/json"
	"unicode/utf8"

	"deskstream/schemas"
)

// triggerDepth is how deep the JSON of a trigger may be nested; ours, which we offer to administrators, is flat.
const triggerDepth = 64

// takeTrigger looks at the body of a trigger webhook. What it holds is written by an administrator, as JSON, XML, a form or a sentence, and
// only tells ingest to fetch the ticket; a body that nothing can be made of is kept with the reason, because a placeholder with a quote or a
// line break in its value breaks the JSON around it.
func (it *item) takeTrigger() *item {
	body := bytes.TrimSpace(it.ev.Data)
	switch {
	case len(body) == 0:
		return it.die("parse", "the webhook is empty")
	case !utf8.Valid(body):
		return it.die("parse", "the webhook is not valid UTF-8")
	case body[0] == '[', body[0] == '{' && (tooDeep(body) || !json.Valid(body)):
		return it.die("parse", "the webhook is neither an event envelope nor a JSON object of at most 64 levels")
	case schemas.TriggerTicket(body) == 0:
		return it.die("invalid", "the webhook is no event envelope and names no ticket")
	}
	return it
}

// tooDeep counts brackets outside of strings, without recursion.
func tooDeep(body []byte) bool {
	depth, quoted := 0, false
	for i := 0; i < len(body); i++ {
		switch c := body[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			if depth++; depth > triggerDepth {
				return true
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	return false
}
