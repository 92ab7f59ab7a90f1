package ingest

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"errors"
	"fmt"

	"deskstream/schemas"
)

// KeySize is the length of a secret key in bytes.
const KeySize = 32

// Sealer encrypts credentials for storage with AES-256-GCM. The ciphertext is bound to an owner and a field, so that one cannot be
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

// Seal encrypts a secret of a field of its owner, a source or an audience, and returns base64. The empty secret stays empty: it means that there is none.
func (s *Sealer) Seal(owner, field, secret string) string {
	if secret == "" {
		return ""
	}
	return base64.StdEncoding.EncodeToString(s.aead.Seal(nil, nil, []byte(secret), sealContext(owner, field)))
}

// Open decrypts what Seal made for the same owner and field. The error is of class schemas.ErrInvalid and names no secret.
func (s *Sealer) Open(owner, field, sealed string) (string, error) {
	if sealed == "" {
		return "", nil
	}
	data, err := base64.StdEncoding.DecodeString(sealed)
	if err == nil {
		data, err = s.aead.Open(nil, nil, data, sealContext(owner, field))
	}
	if err != nil {
		return "", fmt.Errorf("%s: stored %s cannot be decrypted with this secret key: %w", owner, field, schemas.ErrInvalid)
	}
	return string(data), nil
}

// Secret is one that is stored sealed.
type Secret struct {
	Owner  string // id of the source or audience
	Field  string // which of its secrets it is
	Sealed string // as Seal gave it
}

// Check counts the secrets that can be opened, and says which cannot.
func (s *Sealer) Check(secrets ...Secret) (opened int, err error) {
	for _, secret := range secrets {
		if _, failed := s.Open(secret.Owner, secret.Field, secret.Sealed); failed != nil {
			err = errors.Join(err, failed)
		} else {
			opened++
		}
	}
	return opened, err
}

// SecretsOf gives the secrets that a source holds.
func SecretsOf(s *schemas.Source) (secrets []Secret) {
	token, refresh := fieldGrant, fieldRefreshToken // see progressField
	if s.Auth.Method == MethodAPIToken {
		token, refresh = fieldToken, fieldGrant
	}
	for _, secret := range []Secret{
		{s.ID, fieldWebhookSecret, s.Webhook.Secret},
		{s.ID, fieldWebhookPrevious, s.Webhook.Previous},
		{s.ID, token, s.Auth.Token},
		{s.ID, refresh, s.Auth.RefreshToken},
		{s.ID, fieldClientSecret, s.Auth.ClientSecret},
		{s.ID, fieldAccessToken, s.Auth.AccessToken},
	} {
		if secret.Sealed != "" {
			secrets = append(secrets, secret)
		}
	}
	return secrets
}

func sealContext(owner, field string) []byte { return []byte(owner + "|" + field) }
