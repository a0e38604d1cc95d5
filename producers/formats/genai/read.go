package genai

import (
	"encoding/json"

	"tidemark/producers/formats/fields"
	"tidemark/producers/formats/jsonpath"
	usagev1 "tidemark/schemas/usage/v1"
)

// ReadUsage returns the classes of tokens and their details that a usage object of a provider says, in any of the shapes of usageShapes; none if
// it is no such object. The problem is to be read after the name of the object; it never has a value of it.
func ReadUsage(object json.RawMessage) (call *usagev1.TokenCall, problem string) {
	call = new(usagev1.TokenCall)
	var data jsonpath.Object
	if err := json.Unmarshal(object, &data); err != nil {
		return call, "is not a JSON object"
	}
	u, path, problem := usageIn(data, false)
	switch {
	case problem != "":
		return call, "has no number at " + path
	case u != nil:
		u.into(call)
		fillDetails(&fields.Filler{}, call, u.object)
	}
	return call, ""
}
