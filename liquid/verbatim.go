package liquid

import "strings"

// This file holds the tags whose inside is not read as Liquid, or is read in another way: comments, doc, raw and liquid.

// inlineComment checks {% # %}: every line of it must begin with #.
func (c *compiler) inlineComment(u tagUse) *Error {
	_, others, _ := strings.Cut(u.rest, "\n")
	for line := range strings.Lines(others) {
		if t := strings.TrimLeft(line, space); t != "" && t[0] != '#' {
			return syntaxf("every line of an inline comment must begin with #").at(c.source, u.at)
		}
	}
	return nil
}

// skipComment moves over {% comment %}..{% endcomment %}, which may lie in each other.
func (c *compiler) skipComment(u tagUse) *Error {
	depth := 1
	for depth > 0 {
		p, ok, err := c.scan.next()
		if err != nil || !ok {
			c.scan.pos = len(c.source)
			return syntaxf("comment is not closed by endcomment").at(c.source, u.at)
		}
		if p.kind != pieceTag {
			continue
		}
		switch name, _, _, _ := splitTag(p.body); name {
		case "comment":
			depth++
		case "endcomment":
			depth--
			c.trim = p.trimRight
		case "raw":
			c.skipRaw()
		}
	}
	return nil
}

// skipRaw moves over the inside of a raw tag, if it has an end.
func (c *compiler) skipRaw() {
	if c.noEndRaw {
		return
	}
	end, ok := findEnd(c.source[c.scan.pos:], "endraw")
	c.noEndRaw = !ok
	c.scan.pos += end.end
}

// skipDoc moves over {% doc %}..{% enddoc %}.
func (c *compiler) skipDoc(u tagUse) *Error {
	if strings.TrimLeft(u.rest, space) != "" {
		return syntaxf("doc takes no arguments").at(c.source, u.at)
	}
	end, ok := findEnd(c.source[c.scan.pos:], "enddoc")
	if !ok {
		c.scan.pos = len(c.source)
		return syntaxf("doc is not closed by enddoc").at(c.source, u.at)
	}
	c.scan.pos += end.end
	c.trim = end.trimRight
	return nil
}

// raw takes the text up to {% endraw %} as it is.
func (c *compiler) raw(u tagUse) *Error {
	if strings.TrimLeft(u.rest, space) != "" {
		return syntaxf("raw takes no arguments").at(c.source, u.at)
	}
	start := c.scan.pos
	end, ok := findEnd(c.source[start:], "endraw")
	if !ok {
		c.scan.pos = len(c.source)
		return syntaxf("raw is not closed by endraw").at(c.source, u.at)
	}
	c.trim = false
	if end.start > 0 {
		c.notBlank()
		c.parts = append(c.parts, &text{c.source[start : start+end.start], start})
	}
	c.scan.pos = start + end.end
	c.trim = end.trimRight
	return nil
}

// endTag is the place of an end tag.
type endTag struct {
	start, end int
	trimRight  bool
}

// findEnd finds the tag {% name %} in text without reading anything else in it.
func findEnd(text, name string) (endTag, bool) {
	for from := 0; ; {
		i := strings.Index(text[from:], name)
		if i < 0 {
			return endTag{}, false
		}
		i += from
		from = i + len(name)
		before := strings.TrimRight(text[:i], space)
		before = strings.TrimSuffix(before, "-")
		after := strings.TrimLeft(text[from:], space)
		trim := strings.HasPrefix(after, "-")
		after = strings.TrimPrefix(after, "-")
		if strings.HasSuffix(before, "{%") && strings.HasPrefix(after, "%}") {
			return endTag{len(before) - 2, len(text) - len(after) + 2, trim}, true
		}
	}
}

// liquidTag reads {% liquid %}: one tag per line.
func (c *compiler) liquidTag(u tagUse) *Error {
	if c.liquid >= c.limits.Nesting {
		return limitf("liquid tags nested deeper than %d", c.limits.Nesting).at(c.source, u.at)
	}
	floor := c.floor
	c.floor = len(c.open)
	c.liquid++
	err := c.liquidLines(u.rest, u.restAt)
	c.liquid--
	if err == nil && len(c.open) > c.floor {
		b := c.open[len(c.open)-1]
		err = syntaxf("%s is not closed by end%s inside its liquid tag", b.kind.name, b.kind.name).at(c.source, b.at)
		c.open = c.open[:c.floor]
	}
	c.floor = floor
	return err
}

func (c *compiler) liquidLines(body string, at int) *Error {
	comments := 0
	for line := range strings.Lines(body) {
		name, rest, nameAt, restAt := splitTag(line)
		u := tagUse{name: name, at: at + nameAt, rest: rest, restAt: at + restAt, source: line, line: true}
		at += len(line)
		c.tokens++
		if c.tokens > c.limits.Tokens {
			return c.tooManyTokens(u.at)
		}
		switch {
		case name == "comment":
			comments++
		case name == "endcomment" && comments > 0:
			comments--
		case comments > 0 || name == "#", name == "" && strings.TrimLeft(rest, space) == "":
		case name == "raw" || name == "doc":
			return syntaxf("%s cannot be used inside a liquid tag", name).at(c.source, u.at)
		default:
			if err := c.tag(u); err != nil {
				return err
			}
		}
	}
	if comments > 0 {
		return syntaxf("comment is not closed by endcomment inside its liquid tag").at(c.source, at)
	}
	return nil
}
