package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"

	"sess/lib/cli"
)

// askFor makes a control call of the sandbox that SESS_SANDBOX_URL names, and prints the answer.
func askFor(ctx context.Context, app *cli.App, call, body string) error {
	base := app.Getenv("SESS_SANDBOX_URL")
	if base == "" {
		return cli.WithHint(cli.Usagef("SESS_SANDBOX_URL is not set, so there is no sandbox to ask"), "sess-sandbox run sets it for its COMMAND, sess-sandbox serve prints it")
	}
	method := http.MethodGet
	if body != "" {
		method = http.MethodPost
	}
	url := base + "/sandbox/" + strings.TrimPrefix(strings.TrimPrefix(call, "/"), "sandbox/")
	req, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		return cli.Usagef("%q cannot be asked for: %w", call, err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode >= 400 {
		reason, _ := io.ReadAll(io.LimitReader(resp.Body, 4096))
		return fmt.Errorf("%s %s: %s: %s", method, url, resp.Status, bytes.TrimSpace(reason))
	}
	if _, err = io.Copy(app.Stdout, resp.Body); err != nil {
		return fmt.Errorf("%s %s: %w", method, url, err)
	}
	if resp.Header.Get("Content-Type") == "application/json" {
		_, err = fmt.Fprintln(app.Stdout)
	}
	return err
}
