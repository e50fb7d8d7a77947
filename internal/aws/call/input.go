package call

// Optional points to a text of an input; nil for an empty one, which AWS would not take for absent.
func Optional(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

// Token is the client token of an intent, cut to the length that the API allows; nil without one.
func Token(token string, limit int) *string { return Optional(token[:min(len(token), limit)]) }
