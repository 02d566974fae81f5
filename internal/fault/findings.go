package fault

// Findings collects what is wrong with one input, so that all of it can be fixed at once.
type Findings []Finding

// Add takes what is wrong at one place, an *Error that is not wrapped; nil is nothing.
func (f *Findings) Add(err error) {
	if e, ok := err.(*Error); ok && e != nil { //nolint:errorlint // only what a check itself returned comes here
		*f = append(*f, Finding{
			Severity: SeverityError, Field: e.Field, Code: e.Code, Message: e.Message, Remediation: e.Remediation,
		})
	}
}

// Fault makes one error of all findings; nil if there are none.
func (f Findings) Fault(what string) error {
	switch len(f) {
	case 0:
		return nil
	case 1:
		return New(Invalid, f[0].Code, "%s", f[0].Message).At(f[0].Field).Fix("%s", f[0].Remediation).With(f...)
	}
	return New(Invalid, "invalid_"+what, "%d things are wrong with the %s", len(f), what).
		Fix("mend each and send it again").With(f...)
}
