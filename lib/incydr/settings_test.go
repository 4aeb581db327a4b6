package incydr

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// inFolder makes a folder with these files the current one and the home.
func inFolder(t *testing.T, files map[string]string) (environ []string) {
	t.Helper()
	dir := t.TempDir()
	t.Chdir(dir)
	for name, text := range files {
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return []string{"HOME=" + filepath.Join(dir, "home")}
}

const complete = "INCYDR_URL=https://api.us.code42.com\nINCYDR_API_CLIENT_ID=key-1\nINCYDR_API_CLIENT_SECRET=secret-1\n"

func TestWhereSettingsComeFrom(t *testing.T) {
	for name, test := range map[string]struct {
		files   map[string]string
		envFile string
		environ []string
		secret  string
	}{
		"the environment":               {nil, "", strings.Fields(complete), "secret-1"},
		"in any letter case":            {nil, "", strings.Fields(strings.NewReplacer("INCYDR_API", "incydr_Api").Replace(complete)), "secret-1"},
		"the very name first":           {nil, "", append([]string{"incydr_api_client_secret=other"}, append(strings.Fields(complete), "Incydr_Api_Client_Secret=other")...), "secret-1"},
		".env":                          {map[string]string{".env": complete}, "", nil, "secret-1"},
		".env in lower case":            {map[string]string{".env": strings.ToLower(complete)}, "", nil, "secret-1"},
		".env before the home's":        {map[string]string{".env": complete, "home/.config/incydr/.env": strings.ReplaceAll(complete, "-1", "-2")}, "", nil, "secret-1"},
		"the home's":                    {map[string]string{"home/.config/incydr/.env": strings.ReplaceAll(complete, "-1", "-2")}, "", nil, "secret-2"},
		"a folder .env is no file":      {map[string]string{".env/bin/python": "", "home/.config/incydr/.env": complete}, "", nil, "secret-1"},
		"the environment before .env":   {map[string]string{".env": complete}, "", []string{"INCYDR_API_CLIENT_SECRET=mine"}, "mine"},
		"an empty variable is none":     {map[string]string{".env": complete}, "", []string{"INCYDR_API_CLIENT_SECRET="}, "secret-1"},
		"a file in place of .env":       {map[string]string{".env": complete, "t.env": strings.ReplaceAll(complete, "-1", "-3")}, "t.env", nil, "secret-3"},
		"CRLF, BOM, comments, export":   {map[string]string{".env": "\ufeff# mine\r\n\r\nexport " + strings.ReplaceAll(complete, "\n", " # yes\r\n")}, "", nil, "secret-1"},
		"quotes":                        {map[string]string{".env": strings.ReplaceAll(complete, "secret-1", `'it is # "this"'`)}, "", nil, `it is # "this"`},
		"a dollar is a dollar":          {map[string]string{".env": strings.ReplaceAll(complete, "secret-1", "a$HOME${HOME}$(x)$")}, "", nil, "a$HOME${HOME}$(x)$"},
		"a dollar in quotes is one too": {map[string]string{".env": strings.ReplaceAll(complete, "secret-1", `"a$HOME"`)}, "", nil, "a$HOME"},
		"signs":                         {map[string]string{".env": strings.ReplaceAll(complete, "secret-1", `a#b=c%/+&~`)}, "", nil, `a#b=c%/+&~`},
	} {
		t.Run(name, func(t *testing.T) {
			environ := inFolder(t, test.files)
			s, err := LoadSettings(test.envFile, append(test.environ, environ...))
			if err != nil {
				t.Fatal(err)
			}
			if s.ClientSecret.Reveal() != test.secret || s.URL.String() != "https://api.us.code42.com" || s.PageSize != 50 {
				t.Errorf("secret %q, URL %s, page size %d", s.ClientSecret.Reveal(), s.URL, s.PageSize)
			}
		})
	}
}

func TestWhatIsMissing(t *testing.T) {
	for name, test := range map[string]struct {
		environ []string
		missing string
	}{
		"all":             {nil, "missing settings: INCYDR_URL, INCYDR_API_CLIENT_ID, INCYDR_API_CLIENT_SECRET"},
		"secret":          {[]string{"INCYDR_URL=x", "INCYDR_API_CLIENT_ID=y"}, "missing settings: INCYDR_API_CLIENT_SECRET"},
		"refresh address": {[]string{"INCYDR_REFRESH_TOKEN=y"}, "missing settings: INCYDR_URL, INCYDR_REFRESH_URL"},
		"refresh token":   {[]string{"INCYDR_REFRESH_URL=y"}, "missing settings: INCYDR_URL, INCYDR_REFRESH_TOKEN"},
	} {
		_, err := LoadSettings("", append(test.environ, inFolder(t, nil)...))
		var settings *SettingsError
		if !errors.As(err, &settings) || settings.ExitCode() != 2 || err.Error() != test.missing {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if hint := settings.Hint(); !strings.HasPrefix(hint, "looked in the environment, .env, ") || !strings.Contains(hint, filepath.Join(".config", "incydr", ".env")) {
			t.Errorf("%s: hint %s", name, hint)
		}
	}
}

func TestAddresses(t *testing.T) {
	for text, want := range map[string]string{
		"https://api.us.code42.com":                    "https://api.us.code42.com",
		"api.us.code42.com":                            "https://api.us.code42.com",
		"HTTPS://api.us.code42.com//":                  "https://api.us.code42.com",
		"api.example.com:8443/gate/":                   "https://api.example.com:8443/gate",
		"http://localhost:8080":                        "http://localhost:8080",
		"http://127.0.0.9:1":                           "http://127.0.0.9:1",
		"http://[::1]:80":                              "http://[::1]:80",
		"localhost:8080":                               "https://localhost:8080",
		"http://api.us.code42.com":                     "!INCYDR_URL is http://api.us.code42.com: plain http is for this machine only, since the secret would travel readable",
		"http://127.0.0.1.evil.com":                    "!INCYDR_URL is http://127.0.0.1.evil.com: plain http is for this machine only, since the secret would travel readable",
		"ftp://api.us.code42.com":                      `!INCYDR_URL begins with "ftp://": https:// is needed`,
		"https://console.us.code42.com/app/#/sessions": "!INCYDR_URL is the address of the console, console.us.code42.com",
		"https://api.us.code42.com/?a=b":               `!INCYDR_URL is "https://api.us.code42.com/?a=b": an address without ? and # is needed`,
		"console.us2.code42.com":                       "!INCYDR_URL is the address of the console, console.us2.code42.com",
		"https://me:secret-9@api.us.code42.com":        "!INCYDR_URL holds a user name or password",
		"https://":                                     "!INCYDR_URL is not the address of a server",
		"https://a b":                                  "!INCYDR_URL is not the address of a server",
		"%zz":                                          "!INCYDR_URL is not the address of a server",
	} {
		s, err := LoadSettings("", append(inFolder(t, nil), "INCYDR_URL="+text, "INCYDR_API_CLIENT_ID=a", "INCYDR_API_CLIENT_SECRET=b"))
		got := ""
		if err != nil {
			got = "!" + err.Error()
			if err.(*SettingsError).ExitCode() != 2 || strings.Contains(got, "secret-9") {
				t.Errorf("%s: %v", text, err)
			}
		} else {
			got = s.URL.String()
		}
		if got != want {
			t.Errorf("%s: %s, not %s", text, got, want)
		}
	}
	_, err := LoadSettings("", append(inFolder(t, nil), "INCYDR_URL=console.us2.code42.com", "INCYDR_API_CLIENT_ID=a", "INCYDR_API_CLIENT_SECRET=b"))
	if hint := err.(*SettingsError).Hint(); hint != "the API lives beside it: INCYDR_URL=https://api.us2.code42.com" {
		t.Errorf("hint %s", hint)
	}
}

func TestPageSizes(t *testing.T) {
	for text, want := range map[string]int{"": 50, "1": 1, "50": 50, "500": 50, "0": -1, "-3": -1, "ten": -1} {
		s, err := LoadSettings("", append(inFolder(t, nil), "INCYDR_PAGE_SIZE="+text, "INCYDR_URL=a", "INCYDR_API_CLIENT_ID=a", "INCYDR_API_CLIENT_SECRET=b"))
		if (err != nil) != (want < 0) || err == nil && s.PageSize != want {
			t.Errorf("%q: %d, %v", text, s.PageSize, err)
		}
	}
}

// An error about a file names the line, and shows nothing of what stands there.
func TestBadFiles(t *testing.T) {
	for text, want := range map[string]string{
		"A=1\n\nINCYDR API SECRET hunter2\nB=2\n": "line 3",
		"A=1\nsecret=\"hunter2\nB=2\n":            "line 2",
		"A=1\nhunter2":                            "line 2",
		"A\x00=hunter2":                           "it is not a text file",
	} {
		environ := inFolder(t, map[string]string{"t.env": text})
		_, err := LoadSettings("t.env", environ)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q: %v", text, err)
		}
	}
	if _, err := LoadSettings("none.env", inFolder(t, nil)); err == nil || !strings.Contains(err.Error(), "read settings from none.env: no such file") {
		t.Errorf("no such file: %v", err)
	}
}
