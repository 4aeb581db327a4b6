package cli

import (
	"bytes"
	"context"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// terminal opens a pseudo-terminal. What is drawn on it is read from its other end.
func terminal(t *testing.T) (screen, tty *os.File) {
	t.Helper()
	screen, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() { screen.Close() })
	n, err := unix.IoctlGetInt(int(screen.Fd()), unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(int(screen.Fd()), unix.TIOCSPTLCK, 0)
	}
	if err != nil {
		t.Skip(err)
	}
	if tty, err = os.OpenFile("/dev/pts/"+strconv.Itoa(n), os.O_RDWR|unix.O_NOCTTY, 0); err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() { tty.Close() })
	return screen, tty
}

// Whether the next program shows on the terminal what it reads is asked when there is something
// to draw: it may not have been there when we began.
func TestProgressLooksDownstreamLate(t *testing.T) {
	for _, shown := range []bool{false, true} {
		screen, tty := terminal(t)
		from, to, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		defer from.Close()
		defer to.Close()
		app := newApp(context.Background(), Tool{Name: "sess-try", Source: source}, Streams{In: strings.NewReader(""), Out: to, Err: tty})
		bar := app.Progress("sessions")
		bar.Total(100)
		next := exec.Command("cat")
		next.Stdin = from
		if shown {
			next.Stdout = tty
		}
		if err := next.Start(); err != nil {
			t.Fatal(err)
		}
		defer next.Wait()
		defer next.Process.Kill()
		bar.Set(10)
		io.WriteString(tty, "over\n")
		var drawn bytes.Buffer
		for one := make([]byte, 1); !bytes.HasSuffix(drawn.Bytes(), []byte("over")); drawn.Write(one) {
			if _, err := screen.Read(one); err != nil {
				t.Fatal(err)
			}
		}
		if got := strings.Contains(drawn.String(), "10/100"); got == shown {
			t.Errorf("shown downstream %v: drawn %q", shown, &drawn)
		}
	}
}
