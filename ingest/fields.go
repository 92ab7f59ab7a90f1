package ingest

// Names of the sealed fields of a source record: the second half of what a ciphertext is bound to.
const (
	fieldWebhookSecret   = "webhook.secret"
	fieldWebhookPrevious = "webhook.previous"
	fieldToken           = "auth.token"
	fieldClientSecret    = "auth.client_secret"
	fieldAccessToken     = "auth.access_token"
	fieldRefreshToken    = "auth.refresh_token"
	fieldGrant           = "auth.grant"
)
