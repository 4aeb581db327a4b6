package main

import (
	"context"
	"fmt"
	"strings"

	"sess/lib/cli"
)

// export prints the settings for a shell to read, and serves until the context ends.
func (s *site) export(ctx context.Context, app *cli.App) error {
	for _, setting := range s.environ() {
		name, value, _ := strings.Cut(setting, "=")
		fmt.Fprintf(app.Stdout, "export %s=%s\n", name, value)
	}
	if err := app.Stdout.Flush(); err != nil {
		return err
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case err := <-s.failed:
		return fmt.Errorf("serve %s: %w", s.url, err)
	}
}
