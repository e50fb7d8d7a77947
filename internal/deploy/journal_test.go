package deploy

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/engine"
	"github.com/company/deployer/internal/state"
)

const ended = `{"step":1,"set":[{"slot":0,"resource":{"urn":"urn:pulumi:dev::shop::deployer:fake:single::web/a:a","custom":true,"id":"a","type":"deployer:fake:single"}}]}`

// journalOf writes a journal by hand and returns a road that finds it.
func journalOf(t *testing.T, text string) *Road {
	t.Helper()
	r := &Road{world: World{Home: t.TempDir()}}
	path := r.journalPath("L")
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return r
}

func TestReplay(t *testing.T) {
	const head = `{"lineage":"L","lockId":"run","base":null}` + "\n"
	of := &state.Envelope{Lineage: "L", Writer: state.Writer{LockID: "run"}}
	saved := engineState("web/saved:s")
	for name, c := range map[string]struct{ journal, want string }{
		"whole":              {head + ended + "\n", "web/a:a"},
		"torn":               {head + ended + "\n" + `{"step":2,"set":[{"sl`, "web/a:a"},
		"torn at once":       {head + ended[:20], ""},
		"torn header":        {head[:20], "web/saved:s"},
		"of another run":     {`{"lineage":"L","lockId":"other","base":null}` + "\n" + ended + "\n", "web/saved:s"},
		"of another lineage": {`{"lineage":"M","lockId":"run","base":null}` + "\n" + ended + "\n", "web/saved:s"},
		"damaged":            {head + "\x00\x00\x00" + "\n" + ended + "\n", "web/saved:s"},
		"empty":              {"", "web/saved:s"},
	} {
		t.Run(name, func(t *testing.T) {
			resources, err := engine.Resources(journalOf(t, c.journal).replay(of, saved))
			require.NoError(t, err)
			if c.want == "" {
				require.Empty(t, resources)
				return
			}
			require.Len(t, resources, 1)
			require.Equal(t, c.want, resources[0].ID)
		})
	}
	require.Equal(t, saved, (&Road{world: World{Home: t.TempDir()}}).replay(of, saved), "none")
}

func TestJournal(t *testing.T) {
	a, home := newAccount(), t.TempDir()
	p := a.start(home, 0, false)
	held, err := p.open(t.Context(), Request{Key: shop}, place{account: "1", region: "r"}, "")
	require.NoError(t, err)
	asleep := p.newJournal(held, nil)
	require.NoError(t, asleep.append([]byte(`{"step":1}`), true))
	j := p.newJournal(held, nil)
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() { require.NoError(t, j.append([]byte(`{"step":2}`), true)) })
	}
	require.NoError(t, asleep.append([]byte(`{"step":1}`), true), "a run that was taken over")
	all.Wait()
	j.close()
	raw, err := os.ReadFile(p.journalPath(held.Lineage()))
	require.NoError(t, err)
	require.NotContains(t, string(raw), `"step":1`)
	require.NotContains(t, string(raw), "\x00")
	require.Equal(t, 51, len(splitLines(string(raw))))
	info, err := os.Stat(p.journalPath(held.Lineage()))
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())

	// The one before does not outlive the attempt to begin another: it would tell what was before.
	require.NoError(t, os.MkdirAll(filepath.Join(p.journalPath(held.Lineage())+".new", "full"), 0o700))
	require.NoError(t, p.newJournal(held, nil).append([]byte(`{}`), true))
	require.NoFileExists(t, p.journalPath(held.Lineage()))
	require.NoError(t, os.RemoveAll(p.journalPath(held.Lineage())+".new"))

	j = p.newJournal(held, nil)
	require.NoError(t, j.append([]byte(`{"step":3}`), false))
	raw, err = os.ReadFile(p.journalPath(held.Lineage()))
	require.NoError(t, err)
	require.Contains(t, string(raw), `"step":3`, "what only begins is written, if not synced")
	j.close()
	p.dropJournal(held)
	require.NoFileExists(t, p.journalPath(held.Lineage()))

	// Without a place to write, the run goes on.
	nowhere := &Road{world: World{Home: filepath.Join(home, "file", "home")}}
	require.NoError(t, os.WriteFile(filepath.Join(home, "file"), nil, 0o600))
	require.NoError(t, nowhere.newJournal(held, nil).append([]byte(`{}`), true))
}

func splitLines(text string) (lines []string) {
	for start, i := 0, 0; i < len(text); i++ {
		if text[i] == '\n' {
			lines = append(lines, text[start:i])
			start = i + 1
		}
	}
	return lines
}

// breaking is a journal on a disk that has room for so many bytes.
type breaking struct {
	*os.File
	room     int
	sync     error
	truncate error
}

func (b *breaking) Write(p []byte) (int, error) {
	if b.room -= len(p); b.room < 0 {
		n, _ := b.File.Write(p[:len(p)/2])
		return n, &fs.PathError{Op: "write", Path: b.Name(), Err: syscall.ENOSPC}
	}
	return b.File.Write(p)
}

func (b *breaking) Sync() error { return errors.Join(b.sync, b.File.Sync()) }

func (b *breaking) Truncate(size int64) error {
	if b.truncate != nil {
		return b.truncate
	}
	return b.File.Truncate(size)
}

// A journal that breaks in the middle tells nothing any more: half of it would be worse than what the state says.
func TestAJournalThatBreaksIsGivenUp(t *testing.T) {
	saved := engineState("web/saved:s")
	for name, c := range map[string]struct {
		disk  breaking
		fatal bool
	}{
		"full":                                 {disk: breaking{room: 10}},
		"cannot sync":                          {disk: breaking{room: 1000, sync: syscall.EIO}},
		"full, and what is there cannot go":    {disk: breaking{room: 10, truncate: syscall.EROFS}, fatal: true},
		"cannot sync, and that cannot go away": {disk: breaking{room: 1000, sync: syscall.EIO, truncate: syscall.EIO}, fatal: true},
	} {
		t.Run(name, func(t *testing.T) {
			r := journalOf(t, `{"lineage":"L","lockId":"run","base":null}`+"\n"+ended+"\n")
			file, err := os.OpenFile(r.journalPath("L"), os.O_WRONLY|os.O_APPEND, 0)
			require.NoError(t, err)
			disk := c.disk
			disk.File = file
			j := &journal{file: &disk}
			var all sync.WaitGroup
			for range 20 {
				all.Go(func() {
					if err := j.append([]byte(`{"step":2,"op":"creating"}`), true); !c.fatal {
						require.NoError(t, err)
					}
				})
			}
			all.Wait()
			err = j.append([]byte(`{"step":3}`), true)
			if c.fatal {
				require.Error(t, err, "the run must stop")
				return
			}
			require.NoError(t, err)
			require.Equal(t, saved, r.replay(&state.Envelope{Lineage: "L", Writer: state.Writer{LockID: "run"}}, saved))
			w := r.noJournal(j)
			require.NotNil(t, w)
			require.Equal(t, diag.Warning, w.Severity)
			r.world.NoHome = true
			require.Nil(t, r.noJournal(j), "told before")
			j.close()
			require.NoError(t, j.append([]byte(`{}`), true))
		})
	}
}

// A run whose journal cannot be kept goes on, and says so; also where the home directory is there, but full or somebody
// else's.
func TestARunWithoutAJournalSaysSo(t *testing.T) {
	home := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(home, ".deployer"), nil, 0o600))
	for name, home := range map[string]string{"cannot be written": home, "not set": ""} {
		t.Run(name, func(t *testing.T) {
			a := newAccount()
			p := a.start(home, 0, false)
			applied, err := p.run(t.Context(), first(t))
			require.NoError(t, err)
			require.Len(t, applied.Warnings, 1)
			require.Equal(t, "The run went on without its journal", applied.Warnings[0].Summary)
		})
	}
	require.NoDirExists(t, ".deployer", "not in the working directory")
}

func TestAJournalThatIsAPipeIsNone(t *testing.T) {
	r := &Road{world: World{Home: t.TempDir()}}
	require.NoError(t, os.MkdirAll(filepath.Dir(r.journalPath("L")), 0o700))
	require.NoError(t, syscall.Mkfifo(r.journalPath("L"), 0o600))
	require.Nil(t, r.replay(&state.Envelope{Lineage: "L"}, nil))
}
