/* Parsing a template: data, prints and the tags. */
#include "text/jinja/parser.h"

static Node *parse_block(Parser *p, const char *const *ends);

static bool is_end(const Parser *p, const char *const *ends) {
  for (; ends && *ends; ends++)
    if (parser_is_name(p, *ends)) return true;
  return false;
}

static void expect_tag_end(Parser *p) {
  if (p->at->type != LEX_TAG_END) parser_fail(p, "%}");
  p->at++;
}

/* The block behind the tag at hand up to one of the ends, a list closed by NULL; the end is not taken. */
static Node *parse_body(Parser *p, const char *const *ends) {
  parser_skip_operator(p, ":");
  expect_tag_end(p);
  box_enter(p->box);
  Node *block = parse_block(p, ends);
  box_leave(p->box);
  return block;
}

/* The same for the one end of a block that is a world of its own, where an outer loop cannot be left. */
static Node *parse_closed_body(Parser *p, const char *end) {
  const char *const ends[] = {end, NULL};
  const unsigned loops = p->loops;
  p->loops = 0;
  Node *block = parse_body(p, ends);
  p->loops = loops;
  p->at++;
  return block;
}

static Node *parse_if(Parser *p) {
  static const char *const ends[] = {"elif", "else", "endif", NULL}, *const last[] = {"endif", NULL};
  Node *node = parser_node(p, NODE_IF);
  do {
    p->at++;
    parser_add(p, &node->items, parse_tuple(p, false, NULL));
    parser_add(p, &node->more, parse_body(p, ends));
  } while (parser_is_name(p, "elif"));
  if (parser_skip_name(p, "else")) node->c = parse_body(p, last);
  p->at++;
  return node;
}

static Node *parse_for(Parser *p) {
  static const char *const ends[] = {"else", "endfor", NULL}, *const last[] = {"endfor", NULL};
  Node *node = parser_node(p, NODE_FOR);
  p->at++;
  node->a = parse_target(p, false, "in");
  if (node->a->kind == NODE_NAME && strcmp(node->a->name, "loop") == 0)
    box_fail(p->box, "a loop over items called loop");
  if (!parser_skip_name(p, "in")) parser_fail(p, "in");
  node->b = parse_tuple(p, false, "recursive");
  if (parser_skip_name(p, "if")) node->test = parse_expression(p, true);
  node->flag = parser_skip_name(p, "recursive");
  p->loops++;
  node->c = parse_body(p, ends);
  p->loops--;
  if (parser_skip_name(p, "else")) node->otherwise = parse_body(p, last);
  p->at++;
  return node;
}

static Node *parse_set(Parser *p) {
  Node *node = parser_node(p, NODE_SET);
  p->at++;
  node->a = parse_target(p, true, NULL);
  if (parser_skip_operator(p, "=")) {
    node->b = parse_tuple(p, true, NULL);
    return node;
  }
  node->kind = NODE_SET_BLOCK;
  node->b = parse_filters(p, NULL, false);
  node->c = parse_closed_body(p, "endset");
  return node;
}

static Node *parse_filter_block(Parser *p) {
  Node *node = parser_node(p, NODE_FILTERED);
  p->at++;
  node->b = parse_filters(p, NULL, true);
  node->b = parse_filters(p, node->b, false);
  node->c = parse_closed_body(p, "endfilter");
  return node;
}

static Node *parse_macro(Parser *p) {
  Node *node = parser_node(p, NODE_MACRO);
  p->at++;
  node->name = parser_take_name(p);
  parser_expect_operator(p, "(");
  while (!parser_is_operator(p, ")")) {
    if (node->items.count) parser_expect_operator(p, ",");
    Node *parameter = parser_node(p, NODE_NAME);
    parameter->name = parser_take_name(p);
    box_step(p->box, node->items.count);
    for (size_t i = 0; i < node->items.count; i++)
      if (strcmp(node->items.nodes[i]->name, parameter->name) == 0)
        box_fail(p->box, "the macro %.60s has two parameters %.60s", node->name, parameter->name);
    parser_add(p, &node->items, parameter);
    if (parser_skip_operator(p, "="))
      parser_add(p, &node->more, parse_expression(p, true));
    else if (node->more.count)
      parser_fail(p, "a default, as the parameters before have one");
  }
  p->at++;
  node->c = parse_closed_body(p, "endmacro");
  return node;
}

static Node *parse_generation(Parser *p) {
  Node *node = parser_node(p, NODE_GENERATION);
  p->at++;
  node->c = parse_closed_body(p, "endgeneration");
  return node;
}

static Node *parse_jump(Parser *p) {
  Node *node = parser_node(p, parser_is_name(p, "break") ? NODE_BREAK : NODE_CONTINUE);
  if (p->loops == 0) box_fail(p->box, "%s outside a loop", p->at->name);
  p->at++;
  return node;
}

static Node *parse_tag(Parser *p) {
  static const struct {
    const char *name;
    Node *(*parse)(Parser *p);
  } tags[] = {{"if", parse_if},
              {"for", parse_for},
              {"set", parse_set},
              {"macro", parse_macro},
              {"filter", parse_filter_block},
              {"generation", parse_generation},
              {"break", parse_jump},
              {"continue", parse_jump}};
  if (p->at->type != LEX_NAME) parser_fail(p, "the name of a tag");
  p->box->line = p->at->line;
  for (size_t i = 0; i < sizeof tags / sizeof tags[0]; i++)
    if (parser_is_name(p, tags[i].name)) {
      Node *node = tags[i].parse(p);
      expect_tag_end(p);
      return node;
    }
  box_fail(p->box, "the tag \"%.60s\" is not known here", p->at->name);
}

static Node *parse_block(Parser *p, const char *const *ends) {
  Node *block = parser_node(p, NODE_BLOCK);
  for (;;) {
    if (p->at->type == LEX_END) {
      if (!ends) return block;
      box_fail(p->box, "the template ends without {%% %s %%}", ends[ends[1] && ends[2] ? 2 : ends[1] != NULL]);
    } else if (p->at->type == LEX_DATA) {
      Node *data = parser_node(p, NODE_DATA);
      data->value = p->at++->value;
      parser_add(p, &block->items, data);
    } else if (p->at->type == LEX_PRINT) {
      Node *print = parser_node(p, NODE_PRINT);
      p->at++;
      print->a = parse_tuple(p, true, NULL);
      if (p->at->type != LEX_PRINT_END) parser_fail(p, "}}");
      p->at++;
      parser_add(p, &block->items, print);
    } else {
      p->at++; /* {% */
      if (is_end(p, ends)) return block;
      parser_add(p, &block->items, parse_tag(p));
    }
  }
}

Node *jinja_parse(Box *box, const JinjaToken *tokens) {
  Parser p = {.box = box, .at = tokens};
  return parse_block(&p, NULL);
}
