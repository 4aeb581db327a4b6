//go:build !windows

package cli

import (
	"context"
	"io"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"
)

// TestMain is also a tool that does not heed what ends its context.
func TestMain(m *testing.M) {
	if os.Getenv("SESS_DEAF") != "" {
		Main(Tool{Name: "sess-deaf", Source: "// Sess-deaf goes on.\npackage main\n", Setup: func(app *App) Action {
			return func(context.Context) error {
				app.Stdout.WriteLine([]byte("ready"))
				app.Stdout.Flush()
				select {}
			}
		}})
	}
	os.Exit(m.Run())
}

// Two seconds after a signal a tool has ended, whatever it is busy with.
func TestSignalsEndWhatDoesNotEndByItself(t *testing.T) {
	if grace >= 2*time.Second {
		t.Errorf("two seconds are promised, and a tool has %v", grace)
	}
	for signal, status := range map[syscall.Signal]int{syscall.SIGTERM: 143, syscall.SIGINT: 130} {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), "SESS_DEAF=1")
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(out, make([]byte, len("ready\n"))); err != nil {
			t.Fatal(err)
		}
		stuck := time.AfterFunc(30*time.Second, func() { cmd.Process.Kill() })
		cmd.Process.Signal(signal)
		cmd.Wait()
		stuck.Stop()
		if got := cmd.ProcessState.ExitCode(); got != status {
			t.Errorf("%v: status %d", signal, got)
		}
	}
}
