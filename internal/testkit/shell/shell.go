// Package shell reads the examples of help texts as a shell does, as far as these examples need it.
//
// In: lines of a shell. Out: the commands in them, as words. It must not run anything, and must not be linked into the
// program.
package shell

import "strings"

// Lines are the commands of a text as they are typed: one for each line, without comments, and with lines that end in a
// backslash joined.
func Lines(text string) []string {
	var out []string
	for line := range strings.Lines(strings.ReplaceAll(text, "\\\n", "")) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			out = append(out, line)
		}
	}
	return out
}

// Commands are all commands of a text, without redirections.
func Commands(text string) [][]string {
	var out [][]string
	for _, line := range Lines(text) {
		var words []string
		end := func() {
			if len(words) > 0 {
				out = append(out, words)
			}
			words = nil
		}
		tokens := split(line)
		for i := 0; i < len(tokens); i++ {
			switch tokens[i] {
			case "&&", "|", "<(", ")":
				end()
			case ">", "<":
				i++ // the file
			default:
				words = append(words, tokens[i])
			}
		}
		end()
	}
	return out
}

// split breaks a line into words and signs. Quotes are removed; a sign in quotes is a part of a word.
func split(line string) []string {
	var out []string
	var word strings.Builder
	in, quote := false, byte(0)
	flush := func() {
		if in {
			out = append(out, word.String())
		}
		word.Reset()
		in = false
	}
	for i := 0; i < len(line); i++ {
		c := line[i]
		switch {
		case quote != 0 && c == quote:
			quote = 0
		case quote != 0:
			word.WriteByte(c)
		case c == '\'' || c == '"':
			quote, in = c, true
		case c == ' ':
			flush()
		case strings.HasPrefix(line[i:], "&&") || strings.HasPrefix(line[i:], "<("):
			flush()
			out = append(out, line[i:i+2])
			i++
		case strings.IndexByte("|<>)", c) >= 0:
			flush()
			out = append(out, string(c))
		default:
			word.WriteByte(c)
			in = true
		}
	}
	flush()
	return out
}
