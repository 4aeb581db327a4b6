package main

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"

	"sess/lib/cli"
	"sess/lib/pipeline"
)

// run runs the command, whose program was found, against the tenant and ends with its status.
func (s *site) run(_ context.Context, app *cli.App, program string, command []string) error {
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	defer signal.Stop(signals)
	cli.WaitForChildren() // the command decides how it ends after a signal

	cmd := exec.Command(program, command[1:]...)
	cmd.Args[0] = command[0]
	cmd.Env = withFolder(append(withoutSettings(app.Environ()), s.environ()...))
	cmd.Stdin, cmd.Stdout, cmd.Stderr = app.RawStdin(), app.RawStdout(), app.Stderr
	if err := cmd.Start(); err != nil {
		var path *fs.PathError // of fork/exec
		if errors.As(err, &path) {
			err = path.Err
		}
		return cli.Usagef("cannot run %s: %w", command[0], err)
	}
	ended := make(chan struct{})
	go func() {
		for {
			select {
			case sig := <-signals:
				if !pipeline.FromTerminal(sig) {
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
		status, _ := pipeline.StatusOf(exit.ProcessState)
		return cli.Exit(status)
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

// withFolder puts the folder of this program at the end of the command's PATH.
func withFolder(environ []string) []string {
	folder := pipeline.Beside()
	if folder == "" {
		return environ
	}
	for i, setting := range environ {
		if key, path, _ := strings.Cut(setting, "="); strings.EqualFold(key, "PATH") {
			environ[i] = setting + string(os.PathListSeparator) + folder
			if path == "" {
				environ[i] = setting + folder
			}
		}
	}
	return environ
}

// find is the path of the command's program: on PATH, else beside us.
func find(program string) (string, error) {
	if path, err := exec.LookPath(program); err == nil {
		return path, nil
	}
	path, err := pipeline.Surroundings{Beside: pipeline.Beside()}.Find(program)
	var missing *pipeline.Missing
	if errors.As(err, &missing) {
		err = cli.WithHint(cli.Usagef("%w", missing), missing.Hint())
	}
	return path, err
}
