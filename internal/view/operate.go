package view

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/company/deployer/internal/report"
	"github.com/company/deployer/internal/state"
)

// Output writes one line that a container printed.
func Output(w *Writer, text string) { w.Printf("%s\n", text) }

// News writes one line about what happens to a task.
func News(w *Writer, address, text string) { w.Printf("%s\n", styled(dim, address+": "+text)) }

// Detached says where to see more of a task that nobody waits for.
func Detached(w *Writer, ran *report.Ran) {
	w.Printf("Started task %s\n", ran.Task)
	if ran.LogGroup != "" {
		w.Printf("It logs to %s, stream\n%s\n", ran.LogGroup, ran.LogStream)
	}
}

// Commands writes what people ran in components, newest first.
func Commands(w *Writer, key state.Key, past []report.Command) {
	if len(past) == 0 {
		w.Printf("Nobody has run a command in %s yet.\n", key)
		return
	}
	longest := 0
	for _, c := range past {
		longest = max(longest, columns(c.Who))
	}
	header := []string{"AT (UTC)", "WHAT", "COMPONENT", "EXIT", "WHO", "COMMAND"}
	aside := longest > w.Width/4 // as in History
	if aside {
		header = slices.Delete(header, 4, 5)
	}
	var rows [][]string
	for _, c := range past {
		result := "?"
		switch {
		case c.Detached:
			result = "detached"
		case c.ExitCode != nil && *c.ExitCode == 0:
			result = styled(green, "0")
		case c.ExitCode != nil:
			result = styled(red, strconv.Itoa(*c.ExitCode))
		case c.Problem != "":
			result = styled(red, "failed")
		case c.Ended != nil:
			result = "ended"
		}
		row := []string{
			c.At.UTC().Format("2006-01-02 15:04:05"), c.What, c.Component, result, c.Who,
			cmp.Or(commandLine(c.Command), "-"),
		}
		if aside {
			row = append(slices.Delete(row, 4, 5), styled(dim, "by "+c.Who))
		}
		if c.Problem != "" {
			row = append(row, styled(dim, c.Problem))
		}
		rows = append(rows, row)
	}
	Table(w, header, rows)
}

// commandLine joins the words of a command as a shell would take them.
func commandLine(words []string) string {
	out := make([]string, len(words))
	for i, word := range words {
		if word == "" || strings.ContainsAny(word, " \t\n\"'`$&|;<>()*?[]#~=%!{}\\") {
			word = "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
		}
		out[i] = word
	}
	return strings.Join(out, " ")
}
