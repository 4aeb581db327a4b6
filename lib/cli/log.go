package cli

import (
	"io"
	"log/slog"
	"os"
	"strings"

	"sess/lib/suggest"
)

type logOptions struct {
	level  string
	file   string
	stderr bool
}

var logLevels = []string{"debug", "info", "warning", "error"}

func (o *logOptions) declare(app *App) {
	app.Flag("log-level", "How much to log: debug, info, warning or error (INCYDR_LOG_LEVEL; warning).").PlaceHolder("LEVEL").HintOptions(logLevels...).StringVar(&o.level)
	app.Flag("log-file", "Append the log to this file (INCYDR_LOG_FILE).").PlaceHolder("FILE").StringVar(&o.file)
	app.Flag("log-stderr", "Log to stderr, beside a log file too (INCYDR_LOG_STDERR).").BoolVar(&o.stderr)
}

// startLog opens the log. It goes to stderr unless a file is named; then to both only where
// --log-stderr asks for it.
func (a *App) startLog() error {
	o := &a.logging
	if o.level == "" {
		o.level = a.Getenv("INCYDR_LOG_LEVEL")
	}
	if o.file == "" {
		o.file = a.Getenv("INCYDR_LOG_FILE")
	}
	if v := a.Getenv("INCYDR_LOG_STDERR"); !o.stderr && v != "" {
		o.stderr = truth(v)
	}
	level, err := logLevel(o.level, o.stderr)
	if err != nil {
		return err
	}
	w := a.Stderr
	if o.file != "" {
		f, err := os.OpenFile(o.file, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err != nil {
			return Usagef("cannot open the log file %s: %w", o.file, reason(err))
		}
		a.AtExit(f)
		if w = io.Writer(f); o.stderr {
			w = io.MultiWriter(f, a.Stderr)
		}
	}
	// Several tools of a pipeline may write to one file, or to one terminal.
	a.Log = slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: level})).With("tool", a.Name)
	return nil
}

func logLevel(name string, asked bool) (slog.Level, error) {
	switch strings.ToLower(name) {
	case "debug", "10":
		return slog.LevelDebug, nil
	case "info", "20":
		return slog.LevelInfo, nil
	case "warning", "warn", "30":
		return slog.LevelWarn, nil
	case "error", "critical", "40", "50":
		return slog.LevelError, nil
	case "":
		if asked {
			return slog.LevelInfo, nil
		}
		return slog.LevelWarn, nil
	}
	err := Usagef("unknown log level %q: the levels are %s", name, strings.Join(logLevels, ", "))
	if near := suggest.Nearest(name, logLevels); near != "" {
		err = WithHint(err, "did you mean "+near+"?")
	}
	return 0, err
}

// truth reads a setting that is on or off.
func truth(v string) bool {
	switch strings.ToLower(strings.TrimSpace(v)) {
	case "", "0", "false", "no", "off", "f", "n":
		return false
	}
	return true
}
