package incydr

import (
	"fmt"
	"net"
	"net/url"
	"sess/lib/dotenv"
	"strconv"
	"strings"
)

// Settings say which tenant to talk to, and as whom.
type Settings struct {
	URL             *url.URL // the API's base address
	ClientID        string
	ClientSecret    Secret
	RefreshToken    Secret   // in place of ClientID and ClientSecret, with RefreshURL
	RefreshURL      *url.URL // where a refresh token is exchanged
	UserAgentPrefix string
	PageSize        int // sessions a page, 1 to MaxPageSize

	refreshed refreshStore // of RefreshToken
}

// SettingsError is a setting that is missing or cannot be used.
type SettingsError struct {
	Problem string
	Advice  string // what to do, or ""
}

func (e *SettingsError) Error() string { return e.Problem }

// ExitCode is that of wrong usage.
func (e *SettingsError) ExitCode() int { return 2 }

// Hint says what to do about it.
func (e *SettingsError) Hint() string { return e.Advice }

// LoadSettings reads the tenant's settings from environ (NAME=VALUE, as of os.Environ) and,
// for names that are not there, from envFile, or from ./.env or ~/.config/incydr/.env where
// envFile is "". Names match in any letter case. The error names every missing variable.
func LoadSettings(envFile string, environ []string) (Settings, error) {
	env, err := dotenv.Load(envFile, environ)
	if err != nil {
		return Settings{}, err
	}
	return SettingsOf(env)
}

// SettingsOf checks and returns what the environment says about the tenant.
func SettingsOf(e *dotenv.Environment) (Settings, error) {
	s := Settings{
		ClientID:        e.Get("INCYDR_API_CLIENT_ID"),
		ClientSecret:    NewSecret(e.Get("INCYDR_API_CLIENT_SECRET")),
		RefreshToken:    NewSecret(e.Get("INCYDR_REFRESH_TOKEN")),
		UserAgentPrefix: oneLine(e.Get("INCYDR_USER_AGENT_PREFIX")),
		PageSize:        MaxPageSize,
	}
	var missing []string
	address, refresh := e.Get("INCYDR_URL"), e.Get("INCYDR_REFRESH_URL")
	if address == "" {
		missing = append(missing, "INCYDR_URL")
	}
	switch {
	case !s.RefreshToken.Empty() || refresh != "" && s.ClientID == "" && s.ClientSecret.Empty():
		if s.RefreshToken.Empty() {
			missing = append(missing, "INCYDR_REFRESH_TOKEN")
		}
		if refresh == "" {
			missing = append(missing, "INCYDR_REFRESH_URL")
		}
	default:
		if s.ClientID == "" {
			missing = append(missing, "INCYDR_API_CLIENT_ID")
		}
		if s.ClientSecret.Empty() {
			missing = append(missing, "INCYDR_API_CLIENT_SECRET")
		}
	}
	if len(missing) > 0 {
		return Settings{}, &SettingsError{
			Problem: "missing settings: " + strings.Join(missing, ", "),
			Advice:  "looked in " + e.Where() + "; sess-sandbox run -- COMMAND sets them all for a tenant made up on this machine",
		}
	}
	var err error
	if s.URL, err = baseURL("INCYDR_URL", address); err != nil {
		return Settings{}, err
	}
	if !s.RefreshToken.Empty() {
		if s.RefreshURL, err = parseURL("INCYDR_REFRESH_URL", refresh); err != nil {
			return Settings{}, err
		}
		s.refreshed = refreshStoreOf(e.Home(), s.RefreshToken)
	}
	if size := e.Get("INCYDR_PAGE_SIZE"); size != "" {
		n, err := strconv.Atoi(size)
		if err != nil || n < 1 {
			return Settings{}, &SettingsError{Problem: fmt.Sprintf("INCYDR_PAGE_SIZE is %q: a whole number, 1 or more, is needed", clip(size))}
		}
		s.PageSize = min(n, MaxPageSize)
	}
	return s, nil
}

// baseURL reads the tenant's address, which people also type without https://, with a slash at
// the end, or as they see it in the console.
func baseURL(name, text string) (*url.URL, error) {
	u, err := parseURL(name, text)
	if err != nil {
		return nil, err
	}
	if rest, ok := strings.CutPrefix(strings.ToLower(u.Host), "console."); ok {
		return nil, &SettingsError{
			Problem: fmt.Sprintf("%s is the address of the console, %s", name, u.Host),
			Advice:  "the API lives beside it: " + name + "=https://api." + rest,
		}
	}
	if u.RawQuery != "" || u.Fragment != "" {
		return nil, &SettingsError{Problem: fmt.Sprintf("%s is %q: an address without ? and # is needed", name, clip(text)), Advice: addressAdvice}
	}
	u.Path = strings.TrimRight(u.Path, "/")
	u.RawPath = ""
	return u, nil
}

const addressAdvice = "the API of a tenant is at an address like https://api.us.code42.com"

// parseURL reads an https address. Plain http is for this machine only: it would show the
// secret to everybody on the way.
func parseURL(name, text string) (*url.URL, error) {
	full := text
	if !strings.Contains(full, "://") {
		full = "https://" + full
	}
	u, err := url.Parse(full)
	if err != nil || u.Hostname() == "" {
		return nil, &SettingsError{Problem: fmt.Sprintf("%s is not the address of a server", name), Advice: addressAdvice}
	}
	if u.User != nil {
		return nil, &SettingsError{Problem: name + " holds a user name or password", Advice: "credentials belong in INCYDR_API_CLIENT_ID and INCYDR_API_CLIENT_SECRET"}
	}
	u.Scheme = strings.ToLower(u.Scheme)
	switch u.Scheme {
	case "https":
	case "http":
		if !loopback(u.Hostname()) {
			return nil, &SettingsError{
				Problem: fmt.Sprintf("%s is %s://%s: plain http is for this machine only, since the secret would travel readable", name, u.Scheme, u.Host),
				Advice:  "https://" + u.Host,
			}
		}
	default:
		return nil, &SettingsError{Problem: fmt.Sprintf("%s begins with %q: https:// is needed", name, clip(u.Scheme)+"://"), Advice: addressAdvice}
	}
	return u, nil
}

func loopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}
