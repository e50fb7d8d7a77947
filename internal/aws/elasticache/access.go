package elasticache

import (
	"slices"
	"strings"
)

// access is what an access string says, part by part.
type access struct {
	state    string   // on or off
	others   []string // words of no part below, in their order
	keys     []string // patterns, in the order of the alphabet: their own one says nothing
	channels []string // the same
	isolated bool     // "resetchannels": the user has no channels but these, whatever the default of the cache is
	commands []string // the first one is +@all or -@all; the order of the others counts
	more     []string // selectors in parentheses, each in the order of its own parts
}

// canonicalAccess is an access string in the order in which AWS returns it: whether the user is on, key patterns,
// channels, and commands, before which comes what holds for all others. Texts of one meaning become one text, so that a
// plan finds no difference between what is declared and what AWS has.
func canonicalAccess(text string) string {
	a := parseAccess(text)
	return strings.Join(append([]string{a.state}, a.words()...), " ")
}

// seenAccess is the access string of a user that exists. That it has no further channels, AWS may say also where it was
// not declared.
func seenAccess(recorded, actual string) string {
	a := parseAccess(actual)
	a.isolated = a.isolated && (recorded == "" || parseAccess(recorded).isolated)
	return strings.Join(append([]string{a.state}, a.words()...), " ")
}

func parseAccess(text string) access {
	a := access{state: "off", commands: []string{"-@all"}}
	for _, word := range accessWords(text) {
		a.read(word)
	}
	slices.Sort(a.keys)
	slices.Sort(a.channels)
	return a
}

// words are all parts but the state, which a selector does not have.
func (a access) words() []string {
	out := slices.Concat(a.others, slices.Compact(a.keys))
	if a.isolated {
		out = append(out, "resetchannels")
	}
	return slices.Concat(out, slices.Compact(a.channels), a.commands, a.more)
}

// accessWords splits an access string at spaces, and keeps a selector in parentheses in one piece.
func accessWords(text string) []string {
	var out []string
	open := false
	for _, word := range strings.Fields(text) {
		if open {
			out[len(out)-1] += " " + word
		} else {
			out = append(out, word)
		}
		open = (open || strings.HasPrefix(word, "(")) && !strings.HasSuffix(word, ")")
	}
	return out
}

// read adds a word. Later words count more than earlier ones.
func (a *access) read(word string) {
	switch lower := strings.ToLower(word); {
	case lower == "on" || lower == "off":
		a.state = lower
	case lower == "resetkeys":
		a.keys = nil
	case lower == "allkeys":
		a.addKey("~*")
	case lower == "resetchannels":
		a.channels, a.isolated = nil, true
	case lower == "allchannels" || word == "&*":
		a.channels, a.isolated = []string{"&*"}, false
	case lower == "allcommands" || lower == "+@all":
		a.commands = []string{"+@all"}
	case lower == "nocommands" || lower == "-@all":
		a.commands = []string{"-@all"}
	case strings.HasPrefix(word, "~"), strings.HasPrefix(word, "%") && strings.Contains(word, "~"):
		a.addKey(word)
	case strings.HasPrefix(word, "&"):
		if !slices.Contains(a.channels, "&*") {
			a.channels = append(a.channels, word)
		}
	case strings.HasPrefix(word, "+"), strings.HasPrefix(word, "-"):
		a.addCommand(lower)
	case lower == "clearselectors":
		a.more = nil
	case strings.HasPrefix(word, "("):
		inner := parseAccess(strings.TrimSuffix(word[1:], ")"))
		a.more = append(a.more, "("+strings.Join(inner.words(), " ")+")")
	default:
		a.others = append(a.others, word)
	}
}

// addKey adds a pattern of keys, or replaces all by the one for every key.
func (a *access) addKey(word string) {
	rights, pattern, _ := strings.Cut(word, "~")
	rights = strings.ToUpper(rights)
	if rights == "%RW" || rights == "%WR" {
		rights = ""
	}
	switch word = rights + "~" + pattern; {
	case slices.Contains(a.keys, "~*"):
	case word == "~*":
		a.keys = []string{word}
	default:
		a.keys = append(a.keys, word)
	}
}

// addCommand adds a rule for a command or a category. It takes the place of the earlier rules for the same one, and for
// the subcommands of a command.
func (a *access) addCommand(word string) {
	a.commands = append(slices.DeleteFunc(a.commands, func(earlier string) bool {
		return earlier[1:] == word[1:] || strings.HasPrefix(earlier[1:], word[1:]+"|")
	}), word)
}
