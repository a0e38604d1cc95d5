package genai

import (
	"encoding/json"
	"strings"

	"tidemark/producers/formats/jsonpath"
	usagev1 "tidemark/schemas/usage/v1"
)

// Gemini's lists of tokens by modality, in both spellings: those of input and those of output.
var (
	inputModalities  = []string{"promptTokensDetails", "prompt_tokens_details", "toolUsePromptTokensDetails", "tool_use_prompt_tokens_details"}
	outputModalities = []string{"candidatesTokensDetails", "candidates_tokens_details", "responseTokensDetails", "response_tokens_details"}
)

// fillModalities sets the tokens that are audio or images from Gemini's lists. A modality that no list has stays unknown.
func fillModalities(call *usagev1.TokenCall, object jsonpath.Object) {
	for _, of := range []struct {
		paths        []string
		audio, image **uint64
	}{{inputModalities, &call.InputAudio, &call.InputImage}, {outputModalities, &call.OutputAudio, &call.OutputImage}} {
		var audio, image count
		for _, path := range of.paths {
			var list []jsonpath.Object
			if raw := object[path]; len(raw) == 0 || raw[0] != '[' || json.Unmarshal(raw, &list) != nil {
				continue // OpenAI's object of one of the names.
			}
			for _, one := range list {
				switch strings.ToUpper(one.First("modality")) {
				case "AUDIO":
					audio.addFrom(one)
				case "IMAGE":
					image.addFrom(one)
				}
			}
		}
		for _, part := range []struct {
			into **uint64
			from count
		}{{of.audio, audio}, {of.image, image}} {
			if *part.into == nil && part.from.n <= maxDetail {
				*part.into = part.from.pointer()
			}
		}
	}
}

// maxDetail is the most that a count may be. It is that of the contract.
const maxDetail = 1e12

// addFrom adds the tokens of an element of a list. A count that is none is left out: no call is refused for it.
func (c *count) addFrom(element jsonpath.Object) {
	var n count
	if _, problem := readCount(element, &n, []string{"tokenCount", "token_count"}); problem == "" {
		c.add(n)
	}
}
