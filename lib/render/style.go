package render

// A style is how text looks where colour is allowed.
type style uint8

const (
	normal style = iota
	bold
	dim
	red
	brightRed
	yellow
	green
	cyan
	blue
)

// sequences are the styles' SGR sequences. (ECMA-48, 8.3.117)
var sequences = [...]string{
	bold: "\x1b[1m", dim: "\x1b[2m", red: "\x1b[31m", brightRed: "\x1b[1;31m", yellow: "\x1b[33m",
	green: "\x1b[32m", cyan: "\x1b[36m", blue: "\x1b[34m",
}

// styled appends text in a style.
func styled(dst, text []byte, s style, colour bool) []byte {
	if s == normal || !colour || len(text) == 0 {
		return append(dst, text...)
	}
	dst = append(dst, sequences[s]...)
	dst = append(dst, text...)
	return append(dst, plainly...)
}

// plainly ends a style.
const plainly = "\x1b[0m"

// severityNames are the API's severities by their numbers.
var severityNames = [...]string{"NO_RISK", "LOW", "MODERATE", "HIGH", "CRITICAL"}

func severityStyle(name string) style {
	switch name {
	case "CRITICAL":
		return brightRed
	case "HIGH":
		return red
	case "MODERATE":
		return yellow
	case "LOW":
		return cyan
	case "NO_RISK", "NO_RISK_INDICATED":
		return dim
	}
	return normal
}

func stateStyle(name string) style {
	switch name {
	case "OPEN", "OPEN_NEW_DATA":
		return bold
	case "IN_PROGRESS":
		return yellow
	case "CLOSED", "CLOSED_TP", "CLOSED_FP", "CLOSED_TP_BENIGN":
		return dim
	}
	return normal
}
