package registry

// What tests of servings evaluate without a database.
var (
	Define    = define
	RuleOfAll = evaluator
)
