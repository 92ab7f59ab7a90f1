package schemas

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"strconv"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

var idEncoding = base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding)

// HashID makes a short stable id from parts: 26 characters, the same for the same parts in the same order.
func HashID(parts ...string) string {
	var id [26]byte
	return string(AppendHashID(id[:0], parts...))
}

// AppendHashID appends what HashID gives to b.
func AppendHashID(b []byte, parts ...string) []byte {
	var room [128]byte // most parts fit
	text := room[:0]
	for i, part := range parts {
		if i > 0 {
			text = append(text, 0)
		}
		text = append(text, part...)
	}
	sum := sha256.Sum256(text)
	return idEncoding.AppendEncode(b, sum[:16])
}

// OwnPersonID is the id that a Zendesk user's person has or would have had if it were not merged. The person a group of users merges
// into carries the own id of its oldest user, whatever the order in which they were learned. OwnUser leads back to the user.
func OwnPersonID(account string, user ZID) string {
	var block [aes.BlockSize]byte
	binary.BigEndian.PutUint64(block[:], uint64(user))
	personCipher(account).Encrypt(block[:], block[:])
	var id [28]byte
	return string(idEncoding.AppendEncode(append(id[:0], personIDPrefix...), block[:]))
}

// OwnUser gives the user whose OwnPersonID in an account an id is; ok is false for an id that is none.
func OwnUser(account, id string) (user ZID, ok bool) {
	text, ok := strings.CutPrefix(id, personIDPrefix)
	block, err := idEncoding.DecodeString(text)
	if !ok || err != nil || len(block) != aes.BlockSize {
		return 0, false
	}
	personCipher(account).Decrypt(block, block)
	user = ZID(binary.BigEndian.Uint64(block))
	return user, OwnPersonID(account, user) == id
}

const personIDPrefix = "p_"

// personCiphers are those that ids of people are made with, by account.
var personCiphers sync.Map

// personCipher makes ids of which nobody sees that numbers are in them. It is no secret: whoever knows the account can tell.
func personCipher(account string) cipher.Block {
	if c, ok := personCiphers.Load(account); ok {
		return c.(cipher.Block)
	}
	key := sha256.Sum256([]byte(account + "\x00zendesk"))
	c, _ := aes.NewCipher(key[:16]) // 16 bytes are always a key
	personCiphers.Store(account, c)
	return c
}

// ActivityID is the id of a ticket's activity: it follows from what happened and when (to the second, the grain of Zendesk's history),
// so that the webhook and the poller agree. what is the new value, the comment id, or "" where the slug says it all.
func ActivityID(account string, ticket ZID, slug string, unix int64, what string) string {
	var id [28]byte
	return string(AppendHashID(append(id[:0], "a_"...), account, ticket.String(), slug, strconv.FormatInt(unix, 10), what))
}

// Tokens brings text into the form that phrases are searched in (M29): NFKC, lower case (see Lower), maximal runs of letters or digits, joined
// by single spaces.
func Tokens(text string) string {
	if tokens, ok := asciiTokens(text); ok {
		return tokens
	}
	var b strings.Builder
	pending := false
	for _, r := range Lower(norm.NFKC.String(text)) {
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			pending = true
			continue
		}
		if pending && b.Len() > 0 {
			b.WriteByte(' ')
		}
		pending = false
		b.WriteRune(r)
	}
	return b.String()
}

// asciiTokens is Tokens for text of ASCII alone, which most is; ok is false for any other.
func asciiTokens(text string) (tokens string, ok bool) {
	var b strings.Builder
	b.Grow(len(text))
	pending := false
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case c >= utf8.RuneSelf:
			return "", false
		case 'A' <= c && c <= 'Z':
			c += 'a' - 'A'
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9':
		default:
			pending = true
			continue
		}
		if pending && b.Len() > 0 {
			b.WriteByte(' ')
		}
		pending = false
		b.WriteByte(c)
	}
	return b.String(), true
}
