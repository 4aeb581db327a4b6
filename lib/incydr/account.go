package incydr

import "sess/lib/dotenv"

// AccountOf is the name under which what belongs to an API client is kept on this machine: its
// id, or, with a refresh token in place of one, the host that the token is for. The error
// says which variable is missing.
func AccountOf(e *dotenv.Environment) (string, error) {
	if id := e.Get("INCYDR_API_CLIENT_ID"); id != "" {
		return id, nil
	}
	if e.Get("INCYDR_REFRESH_TOKEN") != "" || e.Get("INCYDR_REFRESH_URL") != "" {
		u, err := baseURL("INCYDR_URL", e.Get("INCYDR_URL"))
		if err != nil {
			return "", err
		}
		return "refresh@" + u.Host, nil
	}
	return "", &SettingsError{Problem: "missing settings: INCYDR_API_CLIENT_ID", Advice: "looked in " + e.Where()}
}
