package flag_test

import (
	"strings"
)

// scenario is one scenario of a feature file: each row of the examples of an outline is one.
type scenario struct {
	name  string
	tags  []string
	steps []step
}

// step is a line after Given, When, Then or And, and the rows of its table.
type step struct {
	text string
	rows [][]string
}

// readFeature reads as much of Gherkin as the scenarios use: tags, backgrounds, outlines with several examples, tables.
func readFeature(text string) (all []scenario) {
	var featureTags, tags, outlineTags, exampleTags []string
	var background, steps []step
	var name, section string
	var header []string
	flush := func() {
		if section == "Scenario" {
			all = append(all, scenario{name, append(append([]string{}, featureTags...), outlineTags...), append(append([]step{}, background...), steps...)})
		}
	}
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		word, rest, _ := strings.Cut(line, " ")
		switch {
		case line == "" || strings.HasPrefix(line, "#"):
		case strings.HasPrefix(line, "@"):
			tags = append(tags, strings.Fields(line)...)
		case strings.HasPrefix(line, "Feature:"):
			featureTags, tags = tags, nil
		case strings.HasPrefix(line, "Background:"):
			section, steps = "Background", nil
		case strings.HasPrefix(line, "Scenario:"), strings.HasPrefix(line, "Scenario Outline:"):
			flush()
			if section == "Background" {
				background = steps
			}
			section, steps = "Scenario", nil
			if strings.HasPrefix(line, "Scenario Outline:") {
				section = "Outline"
			}
			_, name, _ = strings.Cut(line, ": ")
			outlineTags, tags = tags, nil
		case strings.HasPrefix(line, "Examples:"):
			exampleTags, tags, header = tags, nil, nil
			section = "Examples"
		case strings.HasPrefix(line, "|"):
			row := cells(line)
			switch {
			case section != "Examples":
				last := &steps[len(steps)-1]
				last.rows = append(last.rows, row)
			case header == nil:
				header = row
			default:
				all = append(all, scenario{
					name + ": " + strings.Join(row, ", "),
					append(append(append([]string{}, featureTags...), outlineTags...), exampleTags...),
					append(append([]step{}, background...), filled(steps, header, row)...),
				})
			}
		case word == "Given" || word == "And" || word == "When" || word == "Then":
			steps = append(steps, step{text: rest})
		}
	}
	flush()
	return all
}

func cells(line string) (row []string) {
	for cell := range strings.SplitSeq(strings.Trim(line, "|"), "|") {
		row = append(row, strings.TrimSpace(cell))
	}
	return row
}

func filled(steps []step, header, row []string) (result []step) {
	for _, s := range steps {
		for i, name := range header {
			s.text = strings.ReplaceAll(s.text, "<"+name+">", row[i])
		}
		result = append(result, s)
	}
	return result
}
