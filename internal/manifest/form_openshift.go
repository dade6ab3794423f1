package manifest

import (
	"regexp"
	"strings"
)

// openShiftTemplate is template.openshift.io/Template: ${NAME} in its objects is
// filled in by its own parameters, so a parameter with a value is where the value
// stands. One that is generated, or given when the template is processed, has none.
// https://docs.openshift.com/container-platform/latest/openshift_images/using-templates.html#templates-writing-parameters_using-templates
func (j *judge) openShiftTemplate(root view) {
	if j.object.kind != "Template" || !root.get("objects").exists() {
		return
	}
	used := j.parametersOfSecrets()
	for p := range root.get("parameters").items() {
		name, value := p.get("name").text(), p.get("value")
		if text := value.text(); !used[name] || strings.TrimSpace(text) == "" || Placeholder(text) || plainWords.MatchString(text) || public(text) {
			continue
		}
		j.value(value, RulePlainSecret, "the parameter "+short(name)+" becomes a value of a Secret", "leave the value out and give it by: oc process -p "+short(name)+"=…; or generate: expression")
	}
}

// parameter is ${NAME} or ${{NAME}}.
var parameter = regexp.MustCompile(`\$\{\{?([A-Za-z0-9_]+)\}?\}`)

// parametersOfSecrets are the names that values of Secrets within the template
// refer to, but for those whose key says that they are settings.
func (j *judge) parametersOfSecrets() map[string]bool {
	used := map[string]bool{}
	for _, f := range j.document.Fields {
		if !f.Sensitive || settingKey(f.Path[strings.LastIndexAny(f.Path, ".[")+1:]) {
			continue
		}
		for _, m := range parameter.FindAllStringSubmatch(f.Value.Reveal(), 100) { // to find names of parameters
			used[m[1]] = true
		}
	}
	return used
}
