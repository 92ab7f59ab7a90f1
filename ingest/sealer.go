package ingest

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"fmt"
	"maps"
	"slices"

	"deskstream/schemas"
)

// KeySize is the length of a secret key in bytes.
const KeySize = 32

// Sealer encrypts credentials for storage with AES-256-GCM. The ciphertext is bound to a source and a field, so that one cannot be
// put in another's place. It is safe for concurrent use.
type Sealer struct {
	aead cipher.AEAD
}

// NewSealer makes a Sealer of a key of KeySize bytes.
func NewSealer(key []byte) (*Sealer, error) {
	if len(key) != KeySize {
		return nil, fmt.Errorf("secret key: %w: must be %d bytes, has %d", schemas.ErrInvalid, KeySize, len(key))
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("secret key: %w", err)
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, fmt.Errorf("secret key: %w", err)
	}
	return &Sealer{aead}, nil
}

// Seal encrypts a secret of a source's field and returns base64. The empty secret stays empty: it means that there is none.
func (s *Sealer) Seal(source, field, secret string) string {
	if secret == "" {
		return ""
	}
	return base64.StdEncoding.EncodeToString(s.aead.Seal(nil, nil, []byte(secret), sealContext(source, field)))
}

// Open decrypts what Seal made for the same source and field. The error is of class schemas.ErrInvalid and names no secret.
func (s *Sealer) Open(source, field, sealed string) (string, error) {
	if sealed == "" {
		return "", nil
	}
	data, err := base64.StdEncoding.DecodeString(sealed)
	if err == nil {
		data, err = s.aead.Open(nil, nil, data, sealContext(source, field))
	}
	if err != nil {
		return "", fmt.Errorf("source %s: stored %s cannot be decrypted with this secret key: %w", source, field, schemas.ErrInvalid)
	}
	return string(data), nil
}

// Check counts the secrets of a source that can be opened, and says which one cannot.
func (s *Sealer) Check(src *schemas.Source) (opened int, err error) {
	for field, sealed := range sealedFields(src) {
		if _, failed := s.Open(src.ID, field, sealed); failed != nil {
			err = failed
		} else {
			opened++
		}
	}
	return opened, err
}

// Sealed gives the sources that hold secrets.
func Sealed(sources []schemas.Source) []schemas.Source {
	return slices.DeleteFunc(slices.Clone(sources), func(s schemas.Source) bool { return len(sealedFields(&s)) == 0 })
}

// sealedFields gives the secrets that a source holds, by field.
func sealedFields(s *schemas.Source) map[string]string {
	token, refresh := fieldGrant, fieldRefreshToken // see progressField
	if s.Auth.Method == MethodAPIToken {
		token, refresh = fieldToken, fieldGrant
	}
	fields := map[string]string{
		fieldWebhookSecret: s.Webhook.Secret, fieldWebhookPrevious: s.Webhook.Previous, token: s.Auth.Token, refresh: s.Auth.RefreshToken,
		fieldClientSecret: s.Auth.ClientSecret, fieldAccessToken: s.Auth.AccessToken,
	}
	maps.DeleteFunc(fields, func(_, sealed string) bool { return sealed == "" })
	return fields
}

func sealContext(source, field string) []byte { return []byte(source + "|" + field) }
