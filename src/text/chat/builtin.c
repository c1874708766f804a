/* Common chat formats as small Jinja templates, written from the formats' descriptions. Each refuses what its format
 * has no place for. */
#include "text/chat/builtin.h"

#include <stddef.h>
#include <string.h>

/* Formats that know two roles in turn: the user's first. */
#define ALTERNATING                                                                                                    \
  "{%- for turn in turns %}\n"                                                                                         \
  "{%- if turn.role != ('user' if loop.index0 % 2 == 0 else 'assistant') %}\n"                                         \
  "{{- raise_exception('turns must be the user\\'s and the assistant\\'s in turn, the user\\'s first') }}\n"           \
  "{%- endif %}\n"

/* A system turn in front is set apart. */
#define SPLIT_SYSTEM                                                                                                   \
  "{%- set system = messages[0].content if messages[0].role == 'system' else '' %}\n"                                  \
  "{%- set turns = messages[1:] if messages[0].role == 'system' else messages %}\n"

static const struct {
  const char *name, *text;
} templates[] = {
    {"chatml", "{%- for turn in messages %}\n"
               "{{- '<|im_start|>' + turn.role + '\\n' + turn.content + '<|im_end|>\\n' }}\n"
               "{%- endfor %}\n"
               "{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{% endif %}"},
    {"gemma", SPLIT_SYSTEM "{{- bos_token }}\n" ALTERNATING
                           "{{- '<start_of_turn>' + ('user' if turn.role == 'user' else 'model') + '\\n' }}\n"
                           "{%- if loop.first and system %}{{- system + '\\n\\n' }}{% endif %}\n"
                           "{{- turn.content | trim + '<end_of_turn>\\n' }}\n"
                           "{%- endfor %}\n"
                           "{%- if add_generation_prompt %}{{- '<start_of_turn>model\\n' }}{% endif %}"},
    {"granite", "{%- for turn in messages %}\n"
                "{{- '<|start_of_role|>' + turn.role + '<|end_of_role|>' + turn.content + '<|end_of_text|>\\n' }}\n"
                "{%- endfor %}\n"
                "{%- if add_generation_prompt %}{{- '<|start_of_role|>assistant<|end_of_role|>' }}{% endif %}"},
    {"llama-2", SPLIT_SYSTEM ALTERNATING
     "{%- if turn.role == 'user' %}\n"
     "{%- set instruction = '<<SYS>>\\n' + system + '\\n<</SYS>>\\n\\n' if loop.first and system else '' %}\n"
     "{{- bos_token + '[INST] ' + instruction + turn.content | trim + ' [/INST]' }}\n"
     "{%- else %}\n"
     "{{- ' ' + turn.content | trim + ' ' + eos_token }}\n"
     "{%- endif %}\n"
     "{%- endfor %}"},
    {"llama-3",
     "{{- bos_token }}\n"
     "{%- for turn in messages %}\n"
     "{{- '<|start_header_id|>' + turn.role + '<|end_header_id|>\\n\\n' + turn.content | trim + '<|eot_id|>' }}\n"
     "{%- endfor %}\n"
     "{%- if add_generation_prompt %}{{- '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}{% endif %}"},
    {"mistral", SPLIT_SYSTEM
     "{{- bos_token }}\n" ALTERNATING "{%- if turn.role == 'user' %}\n"
     "{{- '[INST] ' + (system + '\\n\\n' if loop.first and system else '') + turn.content + ' [/INST]' }}\n"
     "{%- else %}\n"
     "{{- ' ' + turn.content | trim + eos_token }}\n"
     "{%- endif %}\n"
     "{%- endfor %}"},
    {"phi-3", "{%- for turn in messages %}\n"
              "{{- '<|' + turn.role + '|>\\n' + turn.content + '<|end|>\\n' }}\n"
              "{%- endfor %}\n"
              "{%- if add_generation_prompt %}{{- '<|assistant|>\\n' }}{% endif %}"},
    {"tulu", "{{- bos_token }}\n"
             "{%- for turn in messages %}\n"
             "{{- '<|' + turn.role + '|>\\n' + turn.content }}\n"
             "{%- if turn.role == 'assistant' %}{{- eos_token }}{% endif %}\n"
             "{%- if not loop.last or add_generation_prompt or turn.role != 'assistant' %}{{- '\\n' }}{% endif %}\n"
             "{%- endfor %}\n"
             "{%- if add_generation_prompt %}{{- '<|assistant|>\\n' }}{% endif %}"},
    {"vicuna",
     SPLIT_SYSTEM "{{- bos_token }}\n"
                  "{%- if system %}{{- system + ' ' }}{% endif %}\n" ALTERNATING "{%- if turn.role == 'user' %}\n"
                  "{{- 'USER: ' + turn.content | trim + ' ' }}\n"
                  "{%- else %}\n"
                  "{{- 'ASSISTANT: ' + turn.content | trim + eos_token }}\n"
                  "{%- endif %}\n"
                  "{%- endfor %}\n"
                  "{%- if add_generation_prompt %}{{- 'ASSISTANT:' }}{% endif %}"},
    {"zephyr", "{%- for turn in messages %}\n"
               "{{- '<|' + turn.role + '|>\\n' + turn.content + eos_token + '\\n' }}\n"
               "{%- endfor %}\n"
               "{%- if add_generation_prompt %}{{- '<|assistant|>\\n' }}{% endif %}"},
};
enum { N_TEMPLATES = sizeof templates / sizeof templates[0] };

const char *chat_builtin(const char *name) {
  for (size_t i = 0; i < N_TEMPLATES; i++)
    if (strcmp(templates[i].name, name) == 0) return templates[i].text;
  return NULL;
}

const char *chat_builtin_names(void) {
  return "chatml, gemma, granite, llama-2, llama-3, mistral, phi-3, tulu, vicuna, zephyr";
}
