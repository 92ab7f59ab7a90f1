package schemas

// SavedPhrase is a phrase whose occurrences are counted as texts arrive.
type SavedPhrase struct {
	ID     string `json:"id"`
	Tokens string `json:"tokens"` // see Tokens; never empty
}

// SavedPhrases is what the processors of an account are told: all phrases there are. A list replaces one of a smaller version.
type SavedPhrases struct {
	Version uint64        `json:"version"` // from 1
	Phrases []SavedPhrase `json:"phrases"` // no two with the same tokens
}

// Recount asks the processors to emit anew in which texts of a ticket the saved phrases occur.
type Recount struct {
	ID ZID `json:"id"` // ticket
}
