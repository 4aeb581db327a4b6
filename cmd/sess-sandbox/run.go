package main

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"sess/lib/cli"
)

// run runs the command against the tenant and ends with its status.
func (s *site) run(_ context.Context, app *cli.App, command []string) error {
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	defer signal.Stop(signals)
	cli.WaitForChildren() // the command decides how it ends after a signal

	environ := append(withoutSettings(app.Environ()), s.environ()...)
	environ, program := besides(environ, command[0])
	cmd := exec.Command(program, command[1:]...)
	cmd.Env = environ
	cmd.Stdin, cmd.Stdout, cmd.Stderr = app.RawStdin(), app.RawStdout(), app.Stderr
	if err := cmd.Start(); err != nil {
		return cli.Usagef("run %s: %w", command[0], err)
	}
	ended := make(chan struct{})
	go func() {
		for {
			select {
			case sig := <-signals:
				if !hadItToo(sig) {
					cmd.Process.Signal(sig)
				}
			case <-ended:
				return
			}
		}
	}()
	err := cmd.Wait()
	close(ended)
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return cli.Exit(statusOf(exit.ProcessState))
	}
	return err
}

// withoutSettings leaves out what would point the command to another tenant. Settings are found
// in any letter case, so they are looked for in any.
func withoutSettings(environ []string) (kept []string) {
	for _, setting := range environ {
		name, _, _ := strings.Cut(setting, "=")
		switch strings.ToUpper(name) {
		case "INCYDR_URL", "INCYDR_API_CLIENT_ID", "INCYDR_API_CLIENT_SECRET", "INCYDR_REFRESH_TOKEN", "INCYDR_REFRESH_URL", "SESS_SANDBOX_URL":
		default:
			kept = append(kept, setting)
		}
	}
	return kept
}

// besides puts the folder of this program at the end of the command's PATH, and finds the
// command itself there where PATH does not have it.
func besides(environ []string, name string) ([]string, string) {
	self, err := os.Executable()
	if err != nil {
		return environ, name
	}
	folder := filepath.Dir(self)
	for i, setting := range environ {
		if key, path, _ := strings.Cut(setting, "="); strings.EqualFold(key, "PATH") {
			environ[i] = setting + string(os.PathListSeparator) + folder
			if path == "" {
				environ[i] = setting + folder
			}
		}
	}
	if _, err := exec.LookPath(name); err == nil || filepath.Base(name) != name {
		return environ, name
	}
	if beside, err := exec.LookPath(filepath.Join(folder, name)); err == nil {
		return environ, beside
	}
	return environ, name
}
