package schemas

// AuthorizeRequest asks to connect a source. Method is "oauth" (ClientID, ClientSecret; the answer is an address to visit),
// "client_credentials" (ClientID, ClientSecret) or "api_token" (Email, Token). It holds secrets in the clear: it is never stored or logged.
type AuthorizeRequest struct {
	Method       string
	ClientID     string
	ClientSecret string
	Email        string
	Token        string
	// WebhookScope also asks for the right to create webhooks (method oauth). The others have it anyway, or get a token for just this.
	WebhookScope bool
}
