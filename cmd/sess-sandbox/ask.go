package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"sess/lib/cli"
	"sess/lib/neterror"
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
	address := base + "/sandbox/" + strings.TrimPrefix(strings.TrimPrefix(call, "/"), "sandbox/")
	req, err := http.NewRequestWithContext(ctx, method, address, strings.NewReader(body))
	if err != nil {
		return cli.Usagef("%q cannot be asked of the sandbox at %s: %w", call, base, ofURL(err))
	}
	resp, err := http.DefaultClient.Do(req)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		return cli.WithHint(fmt.Errorf("cannot ask the sandbox at %s: %w", base, neterror.InWords(ofURL(err))), "the address is that of SESS_SANDBOX_URL; is the sandbox still there?")
	}
	defer resp.Body.Close()
	if resp.StatusCode >= 400 {
		reason, _ := io.ReadAll(io.LimitReader(resp.Body, 4096))
		return fmt.Errorf("%s %s: %s: %s", method, address, resp.Status, bytes.TrimSpace(reason))
	}
	if _, err = io.Copy(app.Stdout, resp.Body); err != nil {
		return fmt.Errorf("%s %s: %w", method, address, err)
	}
	if resp.Header.Get("Content-Type") == "application/json" {
		_, err = fmt.Fprintln(app.Stdout)
	}
	return err
}

// ofURL takes the method and the address off an error of net/http.
func ofURL(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}
