package cli

import (
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"gopkg.in/natefinch/lumberjack.v2"

	"github.com/company/deployer/internal/config"
	"github.com/company/deployer/internal/diag"
	"github.com/company/deployer/internal/file"
	"github.com/company/deployer/internal/plan"
)

// newLog returns the log of this process: the rotated file with its own level and, with --verbose, everything also on
// stderr. It never logs arguments and values: they may be secrets.
func (f *Factory) newLog(s config.Logging) *slog.Logger {
	var handlers []slog.Handler
	if path := f.home(s.File); path != "" && path != os.DevNull {
		f.logFile = &logFile{
			path: path, err: file.Private(path),
			w: &lumberjack.Logger{
				Filename: path, MaxSize: s.MaxSize, MaxBackups: s.MaxBackups, MaxAge: s.MaxAge, Compress: true,
			},
		}
		handlers = append(handlers, slog.NewTextHandler(f.logFile, &slog.HandlerOptions{Level: level(s.Level)}))
	}
	if f.global.verbose {
		handlers = append(handlers, slog.NewTextHandler(f.Err,
			&slog.HandlerOptions{Level: slog.LevelDebug, ReplaceAttr: withoutTime}))
	}
	return slog.New(slog.NewMultiHandler(handlers...)).With("pid", os.Getpid())
}

// logFile is the log file. If writing a line fails, the run continues without a log.
type logFile struct {
	path string
	w    io.Writer

	mu   sync.Mutex
	err  error // why logging stopped
	told bool
}

// Write implements io.Writer.
func (l *logFile) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err == nil {
		_, l.err = l.w.Write(line)
	}
	return len(line), nil
}

// untold returns once why logging stopped.
func (l *logFile) untold() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.told {
		return nil
	}
	l.told = l.err != nil
	return l.err
}

// tellNoLog reports once that the log cannot be written. If nothing can be written below the home directory, it also
// reports what else is not stored there.
func (f *Factory) tellNoLog() {
	if f.logFile == nil {
		return
	}
	err := f.logFile.untold()
	if err == nil {
		return
	}
	warning := func(summary, detail, next string) {
		w := diag.New(diag.Failed, summary, detail, next)
		w.Severity, w.Cause = diag.Warning, err
		f.warn(diag.List{w})
	}
	ours := filepath.Join(f.Home, ".deployer")
	if f.Home != "" && strings.HasPrefix(f.logFile.path, ours+string(filepath.Separator)) {
		if homeErr := file.Probe(filepath.Join(ours, "journal")); homeErr != nil {
			f.noHome = true
			warning("Cannot write to the home directory", reason(f.Home, homeErr)+
				" This run writes no log, and an apply writes no journal. If the run is killed, the next run must ask "+
				"AWS for more.",
				"Free disk space or correct the permissions of "+ours+", or set HOME to another directory.")
			return
		}
	}
	warning("Cannot write the log", reason(f.logFile.path, err),
		"Set logging.file (DEPLOYER_LOGGING_FILE) to another path, or to "+os.DevNull+" for none.")
}

// reason is the operating system's reason for a file error.
func reason(path string, err error) string {
	if d := diag.File(diag.Failed, "", err); d != nil {
		return d.Detail
	}
	return path + ": " + err.Error() + "."
}

// withoutTime leaves out the time, which a person at a terminal does not need.
func withoutTime(_ []string, a slog.Attr) slog.Attr {
	if a.Key == slog.TimeKey || a.Key == "pid" {
		return slog.Attr{}
	}
	return a
}

func level(name string) slog.Level {
	var l slog.Level
	if err := l.UnmarshalText([]byte(name)); err != nil {
		return slog.LevelInfo // the configuration allows only names that parse
	}
	return l
}

// home replaces a leading ~/ by the home directory.
func (f *Factory) home(path string) string {
	if rest, ok := strings.CutPrefix(path, "~/"); ok {
		if f.Home == "" {
			return ""
		}
		return filepath.Join(f.Home, rest)
	}
	return path
}

// logEvent logs an event of a run.
func logEvent(log *slog.Logger, e plan.Event) {
	attributes := []any{"kind", string(e.Kind), "resource", e.Resource, "action", string(e.Action)}
	switch e.Kind {
	case plan.FailedAt:
		log.Error("step", append(attributes, "problem", e.Text)...)
	case plan.Stopped:
		log.Warn("step", append(attributes, "problem", e.Text)...)
	case plan.Progress:
		log.Debug(e.Text, attributes...)
	case plan.Phase, plan.Waiting:
		log.Info(e.Text)
	default:
		log.Info("step", attributes...)
	}
}
