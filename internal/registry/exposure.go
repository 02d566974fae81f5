package registry

// How much a variant exposes a person to: a kill's off is nothing, on is all, and what people outside an audience get is in
// between where it is neither.
const (
	exposedNot = iota
	exposedOutside
	exposedFully
)

// exposure is who a serving exposes: a share of an audience, and everybody outside of it. It is exact for all modes but
// custom.
type exposure struct {
	audience string // empty: outside holds for everybody
	percent  int
	outside  int
}

// exposure gives who a serving exposes; ok is false for a rule, which cannot be told from another.
func (f Flag) exposure(s Serving) (e exposure, ok bool) {
	switch s.Mode {
	case ServeOff:
		return exposure{}, true
	case ServeOn:
		return exposure{outside: exposedFully}, true
	case ServeAudience:
		return exposure{audience: s.Audience, percent: s.Percent, outside: f.level(f.Outside)}, true
	case ServeCustom:
		if s.Imported != nil {
			return exposure{}, false
		}
		if len(s.Targeting) == 0 {
			level := f.level(f.fallback(s))
			return exposure{outside: level}, level != exposedOutside
		}
	}
	return exposure{}, false
}

func (f Flag) level(variant string) int {
	switch variant {
	case f.Off:
		return exposedNot
	case f.On:
		return exposedFully
	}
	return exposedOutside
}

// Widens tells whether a flag that serves to instead of from may give anybody more than before: on instead of outside or off,
// outside instead of off. A rule counts as widening unless it stays as it is, and so do other values; off widens nothing. Two
// audiences are held for different people, whatever is in them, and the share of an audience only ever grows by people.
func Widens(f Flag, from, to Serving) bool {
	if from.Equal(to) {
		return false
	}
	after, ok := f.exposure(to)
	if !ok {
		return true
	}
	if after == (exposure{}) || after.percent == 0 && after.outside == exposedNot {
		return false // nobody
	}
	before, ok := f.exposure(from)
	if !ok || string(encode(f.served(from))) != string(encode(f.served(to))) {
		return true
	}
	if after.outside > before.outside {
		return true
	}
	inside := after.percent == 0 || after.outside == exposedFully || before.outside == exposedFully ||
		before.audience == after.audience && after.percent <= before.percent
	return !inside
}
