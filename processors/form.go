package processors

import "cmp"

// form tells two forms of a thing that Zendesk shows apart: when it was changed in Zendesk, in Unix seconds, when it was received, in nanoseconds, and the
// hash of what it says.
type form struct {
	at, heard int64
	hash      uint64
}

// newer says whether a form replaces another. Zendesk's times are whole seconds: of two states of one second the one that was asked for later is how it
// came out.
func (f form) newer(than form) bool {
	if f.hash == than.hash {
		return f.at > than.at
	}
	return cmp.Or(cmp.Compare(f.at, than.at), cmp.Compare(f.heard, than.heard), cmp.Compare(f.hash, than.hash)) > 0
}

func (f *userFacts) form() form { return form{f.at, f.heard, f.hash} }
func (f *orgFacts) form() form  { return form{f.at, f.heard, f.hash} }
func (n *nameFacts) form() form { return form{n.at, n.heard, n.hash} }
