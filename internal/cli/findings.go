package cli

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/soukhq/souk/internal/fault"
	"github.com/soukhq/souk/internal/telemetry"
)

// findingLine is a finding on one line, as editors and people read it.
func findingLine(file string, f fault.Finding) string {
	var b strings.Builder
	if f.File != "" {
		file = f.File
	}
	if file != "" {
		b.WriteString(file + ": ")
	}
	b.WriteString(string(f.Severity) + ": ")
	if f.Field != "" {
		b.WriteString(f.Field + ": ")
	}
	b.WriteString(f.Message)
	if f.Remediation != "" {
		b.WriteString(" (" + f.Remediation + ")")
	}
	return b.String()
}

// writeChecked writes what was found in files.
func (p *program) writeChecked(results []checked) error {
	switch p.output {
	case "sarif":
		encoder := json.NewEncoder(p.Out)
		encoder.SetEscapeHTML(false)
		encoder.SetIndent("", "  ")
		if err := encoder.Encode(sarifOf(results)); err != nil {
			return fmt.Errorf("write the result: %w", err)
		}
		return nil
	case "github":
		for _, result := range results {
			for _, f := range result.Findings {
				fmt.Fprintln(p.Out, githubLine(result.File, f))
			}
		}
		return nil
	}
	return p.write(results, func(w io.Writer) {
		for _, result := range results {
			for _, f := range result.Findings {
				fmt.Fprintln(w, findingLine(result.File, f))
			}
			if result.OK {
				fmt.Fprintf(w, "%s: %s: ok\n", result.File, result.Kind)
			}
		}
	})
}

// placeOf splits "file:line" where there is a line.
func placeOf(result string, f fault.Finding) (file string, line int) {
	file = f.File
	if file == "" {
		return result, 0
	}
	if i := strings.LastIndex(file, ":"); i > 0 {
		if line, err := strconv.Atoi(file[i+1:]); err == nil {
			return file[:i], line
		}
	}
	return file, 0
}

// githubLine is a workflow command: https://docs.github.com/actions/reference/workflow-commands-for-github-actions.
func githubLine(result string, f fault.Finding) string {
	level := map[fault.Severity]string{fault.SeverityError: "error", fault.SeverityWarning: "warning", fault.SeverityInfo: "notice"}[f.Severity]
	file, line := placeOf(result, f)
	property := strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C")
	data := strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
	command := "::" + level + " file=" + property.Replace(file)
	if line > 0 {
		command += ",line=" + strconv.Itoa(line)
	}
	message := f.Message
	if f.Field != "" {
		message = f.Field + ": " + message
	}
	if f.Remediation != "" {
		message += " (" + f.Remediation + ")"
	}
	return command + ",title=" + property.Replace(f.Code) + "::" + data.Replace(message)
}

type sarifText struct {
	Text string `json:"text"`
}

type sarifRule struct {
	ID               string    `json:"id"`
	ShortDescription sarifText `json:"shortDescription"`
	FullDescription  sarifText `json:"fullDescription"`
	Help             sarifText `json:"help"`
}

type sarifRegion struct {
	StartLine int `json:"startLine"`
}

type sarifFile struct {
	URI string `json:"uri"`
}

type sarifPlace struct {
	ArtifactLocation sarifFile    `json:"artifactLocation"`
	Region           *sarifRegion `json:"region,omitempty"`
}

type sarifLocation struct {
	PhysicalLocation sarifPlace `json:"physicalLocation"`
}

type sarifResult struct {
	RuleID              string            `json:"ruleId"`
	Level               string            `json:"level"`
	Message             sarifText         `json:"message"`
	Locations           []sarifLocation   `json:"locations"`
	PartialFingerprints map[string]string `json:"partialFingerprints"`
}

// sarifOf gives a SARIF 2.1.0 log as code hosts read it.
func sarifOf(results []checked) any {
	rules, found := []sarifRule{}, []sarifResult{}
	known := map[string]bool{}
	for _, result := range results {
		for _, f := range result.Findings {
			if !known[f.Code] {
				known[f.Code] = true
				rules = append(rules, sarifRule{f.Code, sarifText{f.Code}, sarifText{f.Message}, sarifText{f.Remediation}})
			}
			found = append(found, sarifFinding(result.File, f))
		}
	}
	return map[string]any{
		"$schema": "https://json.schemastore.org/sarif-2.1.0.json", "version": "2.1.0",
		"runs": []any{map[string]any{
			"tool":    map[string]any{"driver": map[string]any{"name": "souk", "version": telemetry.Version, "rules": rules}},
			"results": found,
		}},
	}
}

func sarifFinding(result string, f fault.Finding) sarifResult {
	level := map[fault.Severity]string{fault.SeverityError: "error", fault.SeverityWarning: "warning", fault.SeverityInfo: "note"}[f.Severity]
	file, line := placeOf(result, f)
	message := f.Message
	if f.Field != "" {
		message = f.Field + ": " + message
	}
	place := sarifPlace{ArtifactLocation: sarifFile{URI: file}}
	if line > 0 {
		place.Region = &sarifRegion{line}
	}
	sum := sha256.Sum256([]byte(file + "\x00" + f.Code + "\x00" + f.Field))
	return sarifResult{
		RuleID: f.Code, Level: level, Message: sarifText{message}, Locations: []sarifLocation{{place}},
		PartialFingerprints: map[string]string{"primaryLocationLineHash": hex.EncodeToString(sum[:8])},
	}
}
