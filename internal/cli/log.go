package cli

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"gopkg.in/natefinch/lumberjack.v2"

	"github.com/company/deployer/internal/config"
	"github.com/company/deployer/internal/plan"
)

// newLog returns the log of this process: the rotated file with its own level, and with --verbose everything on stderr too. Arguments
// and values are never logged: they may be secrets.
func (f *Factory) newLog(s config.Logging) *slog.Logger {
	var handlers []slog.Handler
	if path := f.home(s.File); path != "" {
		// 0700 before lumberjack makes it 0755; without a folder to write to, the run goes on without a file.
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err == nil {
			file := &lumberjack.Logger{Filename: path, MaxSize: s.MaxSize, MaxBackups: s.MaxBackups, MaxAge: s.MaxAge, Compress: true}
			handlers = append(handlers, slog.NewTextHandler(file, &slog.HandlerOptions{Level: level(s.Level)}))
		}
	}
	if f.global.verbose {
		handlers = append(handlers, slog.NewTextHandler(f.Err, &slog.HandlerOptions{Level: slog.LevelDebug, ReplaceAttr: withoutTime}))
	}
	return slog.New(slog.NewMultiHandler(handlers...)).With("pid", os.Getpid())
}

// withoutTime leaves out what a person at a terminal knows.
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

// logEvent keeps the news of a run.
func logEvent(log *slog.Logger, e plan.Event) {
	attributes := []any{"kind", string(e.Kind), "resource", e.Resource, "action", string(e.Action)}
	switch e.Kind {
	case plan.FailedAt:
		log.Error("step", append(attributes, "problem", e.Text)...)
	case plan.Progress:
		log.Debug(e.Text, attributes...)
	case plan.Phase, plan.Waiting:
		log.Info(e.Text)
	default:
		log.Info("step", attributes...)
	}
}
