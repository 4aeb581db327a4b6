package cmd_test

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"sess/lib/freeport"
	"sess/lib/sandbox"
)

// A fence is a block of a page between ``` and ```.
type fence struct {
	kind, text string
	before     string // the last line of text before it
}

func fences(t *testing.T, page string) (found []fence) {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	before, open := "", false
	for line := range strings.Lines(string(text)) {
		switch {
		case open && line == "```\n":
			open = false
		case open:
			found[len(found)-1].text += line
		case strings.HasPrefix(line, "```"):
			open = true
			found = append(found, fence{kind: strings.TrimSpace(line[3:]), before: before})
		case strings.TrimSpace(line) != "":
			before = line
		}
	}
	return found
}

// What the pages on syslog and CEF show as sent is what is sent.
func TestSyslogExamples(t *testing.T) {
	wants(t, "sh")
	for page, least := range map[string]int{"syslog.md": 5, "cef.md": 2} {
		dir, seen := t.TempDir(), 0
		for _, f := range fences(t, filepath.Join("..", "docs", page)) {
			switch f.kind {
			case "json":
				name := regexp.MustCompile("`(\\w+\\.jsonl)`").FindStringSubmatch(f.before)
				if name == nil {
					t.Fatalf("%s: what is the file called? %s", page, f.before)
				}
				if err := os.WriteFile(filepath.Join(dir, name[1]), []byte(f.text), 0o644); err != nil {
					t.Fatal(err)
				}
			case "console":
				seen++
				line, want, _ := strings.Cut(strings.TrimPrefix(f.text, "$ "), "\n")
				address, got := collector(t)
				run := strings.Replace(line, "siem.example.com:601", address, 1)
				cmd := exec.Command("sh", "-euc", run)
				cmd.Dir, cmd.Env = dir, append(os.Environ(), "PATH="+bin+string(os.PathListSeparator)+os.Getenv("PATH"))
				if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
					t.Errorf("%s: %s: %v\n%s", page, line, err, out)
				}
				if got := strings.TrimSpace(got()); got != strings.TrimSpace(want) {
					t.Errorf("%s: %s\nsends %s\n  not %s", page, line, got, want)
				}
			}
		}
		if seen < least {
			t.Errorf("%s has only %d examples", page, seen)
		}
	}
}

// collector takes connections; what came is known once each of them has ended.
func collector(t *testing.T) (address string, got func() string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	var mu sync.Mutex
	var all bytes.Buffer
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				data, _ := io.ReadAll(conn)
				mu.Lock()
				defer mu.Unlock()
				all.Write(data)
			}()
		}
	}()
	return l.Addr().String(), func() string { mu.Lock(); defer mu.Unlock(); return all.String() }
}

// The settings of receivers that docs/syslog.md has work, with the commands beside them and the
// certificates that it says how to make.
func TestDocumentedReceivers(t *testing.T) {
	for _, r := range []struct{ kind, program string }{{"rsyslog", "rsyslogd"}, {"syslog-ng", os.Getenv("SESS_SYSLOG_NG")}} {
		t.Run(r.kind, func(t *testing.T) {
			if r.program == "" {
				t.Skip("SESS_SYSLOG_NG does not name a syslog-ng; Debian's cannot be installed beside rsyslog")
			}
			wants(t, "sh", "openssl", r.program)
			dir := t.TempDir()
			file := filepath.Join(dir, "incydr.jsonl")
			var conf string
			for _, f := range fences(t, "../docs/syslog.md") {
				switch {
				case f.kind == r.kind:
					conf += f.text
				case f.kind == "sh" && strings.Contains(f.text, "openssl"):
					cmd := exec.Command("sh", "-euc", strings.ReplaceAll(f.text, "siem.example.com", "localhost"))
					cmd.Dir = dir
					if out, err := cmd.CombinedOutput(); err != nil {
						t.Fatalf("making certificates: %v\n%s", err, out)
					}
				}
			}
			var commands []string
			for line := range strings.Lines(conf) {
				if c, ok := strings.CutPrefix(line, "# sess-syslog "); ok {
					commands = append(commands, strings.TrimSpace(c))
				}
			}
			if len(commands) < 4 {
				t.Fatalf("only %d commands", len(commands))
			}
			ports := map[string]int{}
			conf = regexp.MustCompile(`port(="|\()(\d+)`).ReplaceAllStringFunc(conf, func(s string) string {
				n := len(s) - len(strings.TrimLeft(s, `port="(`))
				if ports[s[n:]] == 0 {
					var err error
					if ports[s[n:]], err = freeport.Get(); err != nil {
						t.Fatal(err)
					}
				}
				return s[:n] + fmt.Sprint(ports[s[n:]])
			})
			conf = strings.NewReplacer("/var/log/incydr.jsonl", file, "/etc/ssl/feed", dir).Replace(conf)
			server := launchReceiver(t, r.kind, r.program, dir, conf)

			tenant := sandbox.New(sandbox.Options{Sessions: 60, Seed: 3})
			items, err := tenant.Items("")
			if err != nil {
				t.Fatal(err)
			}
			in := append(bytes.Join(items, []byte("\n")), '\n')
			in = append(in, `{"sessionId":"long","x":"`+strings.Repeat("größer", 7000)+"\"}\n"...) // longer than the defaults, short enough for UDP
			want := bytes.Split(bytes.TrimSpace(in), []byte("\n"))

			for _, command := range commands {
				words := append([]string{"--retry-for", "20s"}, strings.Fields(command)...)
				address := words[len(words)-1]
				port := address[strings.LastIndex(address, ":")+1:]
				words[len(words)-1] = strings.Replace(strings.Replace(address, "siem.example.com", "localhost", 1), port, fmt.Sprint(ports[port]), 1)
				os.Truncate(file, 0)
				var out, stderr bytes.Buffer
				for begun := time.Now(); ; time.Sleep(50 * time.Millisecond) {
					out.Reset()
					stderr.Reset()
					cmd := exec.Command(filepath.Join(bin, "sess-syslog"), words...)
					cmd.Dir, cmd.Stdin, cmd.Stdout, cmd.Stderr = dir, bytes.NewReader(in), &out, &stderr
					if err = cmd.Run(); err == nil {
						break
					}
					if !strings.Contains(stderr.String(), "refuse") || time.Since(begun) > 30*time.Second { // it begins to listen by and by
						t.Fatalf("%s: %v\n%s\n%s", command, err, stderr.String(), server())
					}
				}
				if acked := strings.Contains(command, "--ack"); acked != bytes.Equal(out.Bytes(), in) || !acked && out.Len() > 0 {
					t.Errorf("%s: %d bytes printed of %d", command, out.Len(), len(in))
				}
				var got [][]byte
				for begun := time.Now(); len(got) < len(want) && time.Since(begun) < 10*time.Second; time.Sleep(20 * time.Millisecond) {
					data, _ := os.ReadFile(file)
					got = bytes.Split(bytes.TrimSpace(data), []byte("\n"))
				}
				if len(got) != len(want) {
					t.Errorf("%s: %d lines arrived of %d\n%s", command, len(got), len(want), server())
					continue
				}
				raw := !strings.Contains(command, "--message")
				for i := range want {
					if raw && !bytes.Equal(got[i], want[i]) || !bytes.HasSuffix(got[i], want[i]) {
						t.Errorf("%s: line %d arrived as %.200q", command, i+1, got[i])
						break
					}
				}
			}
		})
	}
}

// launchReceiver starts a receiver with the settings; said is what it says.
func launchReceiver(t *testing.T, kind, program, dir, conf string) (said func() string) {
	t.Helper()
	path := filepath.Join(dir, kind+".conf")
	args := []string{"-n", "-f", path, "-i", filepath.Join(dir, "pid")}
	if kind == "rsyslog" {
		conf = fmt.Sprintf("global(workDirectory=%q net.enableDNS=\"off\")\n", dir) + once(conf)
	} else {
		args = []string{"-F", "-f", path, "--no-caps", "-R", filepath.Join(dir, "persist"), "-p", filepath.Join(dir, "pid"), "-c", filepath.Join(dir, "ctl")}
	}
	if err := os.WriteFile(path, []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { log.Close() })
	cmd := exec.Command(program, args...)
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	return func() string { text, _ := os.ReadFile(log.Name()); return string(text) }
}

// once leaves out every line that loads a module for a second time.
func once(conf string) string {
	var b strings.Builder
	loaded := map[string]bool{}
	for line := range strings.Lines(conf) {
		if strings.HasPrefix(line, "module(load=") {
			if loaded[line] {
				continue
			}
			loaded[line] = true
		}
		b.WriteString(line)
	}
	return b.String()
}
