package schemas

import "strings"

// providers are other names of providers than those of OpenTelemetry's convention, as gateways and tables of prices have them.
var providers = map[string]string{
	"gemini": "gcp.gemini", "google": "gcp.gemini", "vertex_ai": "gcp.vertex_ai", "az.ai.inference": "azure.ai.inference", "az.ai.openai": "azure.ai.openai",
	"azure": "azure.ai.openai", "azure_ai": "azure.ai.inference", "bedrock": "aws.bedrock", "xai": "x_ai", "mistral": "mistral_ai", "mistralai": "mistral_ai",
	"watsonx": "ibm.watsonx.ai", "moonshot": "moonshot_ai", "openai.chat": "openai", "openai.responses": "openai", "anthropic.messages": "anthropic",
}

// Provider returns the name of a provider as OpenTelemetry's convention has it, where it has one; else the name in lower case.
func Provider(name string) string {
	name = strings.ToLower(name)
	if known, ok := providers[name]; ok {
		return known
	}
	return name
}
