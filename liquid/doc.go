// Package liquid turns a template and data into text. It is pure: it opens no file, asks no network and reads no calendar; the time that
// templates see comes in the request. Templates are not trusted with the process: every step and every byte they cause is paid from a
// budget before it is spent, so a hostile template costs an error and never a stalled or dead service.
//
// The block tree and its rendering belong to github.com/osteele/liquid (its render.Config, AddTag and AddBlock(..).Compiler(..)). Everything
// that tree needs to know is given to it ready made: this package reads the source (multi-line tags, positions, whitespace control, depth),
// compiles expressions, and brings its own tags and filters, because the ones of the library have no limits, share state between renders,
// panic on some inputs and open files. What the library gets to parse is a skeleton of numbered tags made here, never the author's text.
//
// Semantics follow Shopify/liquid 5.13 parsed strictly. On top come merge-tag roots with aliases (person, organization, activity, ...), the
// rule that a name finds its "-"/"_" twin, HTML escaping of output, policies for missing values, abort, and Ortto's and Braze's filters. The
// tags render and include take their snippets from the request.
package liquid
