package main

import "runtime/debug"

// version returns the version of the module as the Go toolchain recorded it,
// with the revision and whether the tree had changes where it says so.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	v := info.Main.Version
	if v == "" {
		v = "(devel)"
	}
	var revision, modified string
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			revision = s.Value
		case "vcs.modified":
			if s.Value == "true" {
				modified = " with changes"
			}
		}
	}
	if revision != "" {
		v += " (" + revision[:min(len(revision), 12)] + modified + ")"
	}
	return v + ", " + info.GoVersion
}
