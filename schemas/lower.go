package schemas

import "strings"

// Lower brings text into the one lower case in which texts are compared. It keeps apart what letters mean, but not how they are written:
// ς at the end of a word is σ, and an i has one dot, whether it came from I, İ or a dot of its own. The statements say the same with
// ClickHouse's lowerUTF8, which writes ς and i with a dot of its own where Go writes σ and i.
func Lower(text string) string {
	text = strings.ToLower(strings.ReplaceAll(text, "İ", "i\u0307"))
	return strings.ReplaceAll(strings.ReplaceAll(text, "i\u0307", "i"), "ς", "σ")
}
