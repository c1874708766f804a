/* Parsing names, constants, lists, dictionaries, tuples and targets, and what every parser needs: the token at hand. */
#include "text/jinja/parser.h"

bool parser_is_name(const Parser *p, const char *name) {
  return p->at->type == LEX_NAME && strcmp(p->at->name, name) == 0;
}

bool parser_is_operator(const Parser *p, const char *mark) {
  return p->at->type == LEX_OPERATOR && strcmp(p->at->name, mark) == 0;
}

bool parser_skip_name(Parser *p, const char *name) {
  const bool is = parser_is_name(p, name);
  p->at += is;
  return is;
}

bool parser_skip_operator(Parser *p, const char *mark) {
  const bool is = parser_is_operator(p, mark);
  p->at += is;
  return is;
}

void parser_fail(Parser *p, const char *expected) {
  static const char *const names[] = {
      "text", "{%", "%}", "{{", "}}", "a name", "a string or number", "an operator", "the end of the template"};
  const JinjaToken *t = p->at;
  p->box->line = t->line;
  if (t->type == LEX_NAME || t->type == LEX_OPERATOR) box_fail(p->box, "'%.60s' found, expected %s", t->name, expected);
  box_fail(p->box, "%s found, expected %s", names[t->type], expected);
}

void parser_expect_operator(Parser *p, const char *mark) {
  char expected[8] = {'\'', mark[0], '\''};
  if (!parser_skip_operator(p, mark)) parser_fail(p, expected);
}

const char *parser_take_name(Parser *p) {
  if (p->at->type != LEX_NAME) parser_fail(p, "a name");
  return p->at++->name;
}

Node *parser_node(Parser *p, NodeKind kind) {
  Node *node = box_take(p->box, 1, sizeof *node);
  node->kind = kind;
  node->line = p->at->line;
  return node;
}

void parser_add(Parser *p, NodeList *list, Node *node) {
  if (list->count == list->room) {
    const size_t room = 2 * list->room + 4;
    Node **larger = box_take(p->box, room, sizeof *larger);
    if (list->count) memcpy(larger, list->nodes, list->count * sizeof *larger);
    list->nodes = larger;
    list->room = room;
  }
  list->nodes[list->count++] = node;
}

static Node *constant(Parser *p, Value value) {
  Node *node = parser_node(p, NODE_CONSTANT);
  node->value = value;
  p->at++;
  return node;
}

static Node *parse_name(Parser *p) {
  static const char *const truths[] = {"true", "True", "false", "False"};
  for (size_t i = 0; i < 4; i++)
    if (parser_is_name(p, truths[i])) return constant(p, value_bool(i < 2));
  if (parser_is_name(p, "none") || parser_is_name(p, "None")) return constant(p, value_none());
  Node *node = parser_node(p, NODE_NAME);
  node->name = parser_take_name(p);
  return node;
}

/* Neighbouring strings are one. */
static Node *parse_constant(Parser *p) {
  if (p->at->value.kind != VALUE_STRING) return constant(p, p->at->value);
  Node *node = parser_node(p, NODE_CONSTANT);
  Text text = {0};
  for (; p->at->type == LEX_CONSTANT && p->at->value.kind == VALUE_STRING; p->at++)
    text_add(p->box, &text, p->at->value.text.bytes, p->at->value.text.size);
  node->value = value_of_text(&text);
  return node;
}

static Node *parse_list(Parser *p) {
  Node *node = parser_node(p, NODE_LIST);
  parser_expect_operator(p, "[");
  while (!parser_is_operator(p, "]")) {
    if (node->items.count) parser_expect_operator(p, ",");
    if (parser_is_operator(p, "]")) break;
    parser_add(p, &node->items, parse_expression(p, true));
  }
  parser_expect_operator(p, "]");
  return node;
}

static Node *parse_dict(Parser *p) {
  Node *node = parser_node(p, NODE_DICT);
  parser_expect_operator(p, "{");
  while (!parser_is_operator(p, "}")) {
    if (node->items.count) parser_expect_operator(p, ",");
    if (parser_is_operator(p, "}")) break;
    parser_add(p, &node->items, parse_expression(p, true));
    parser_expect_operator(p, ":");
    parser_add(p, &node->more, parse_expression(p, true));
  }
  parser_expect_operator(p, "}");
  return node;
}

static bool is_tuple_end(const Parser *p, const char *end) {
  return p->at->type == LEX_PRINT_END || p->at->type == LEX_TAG_END || parser_is_operator(p, ")") ||
         (end && parser_is_name(p, end));
}

/* The items of a tuple that one function reads; in brackets it may be empty. */
static Node *read_tuple(Parser *p, Node *(*read)(Parser *p), const char *end, bool in_brackets) {
  Node *tuple = parser_node(p, NODE_TUPLE);
  bool comma = false;
  while (!is_tuple_end(p, end)) {
    parser_add(p, &tuple->items, read(p));
    if (!parser_skip_operator(p, ",")) break;
    comma = true;
  }
  if (comma) return tuple;
  if (tuple->items.count) return tuple->items.nodes[0];
  if (!in_brackets) parser_fail(p, "an expression");
  return tuple;
}

static Node *whole_expression(Parser *p) { return parse_expression(p, true); }
static Node *bare_expression(Parser *p) { return parse_expression(p, false); }

Node *parse_tuple(Parser *p, bool with_condition, const char *end) {
  return read_tuple(p, with_condition ? whole_expression : bare_expression, end, false);
}

Node *parse_primary(Parser *p) {
  if (p->at->type == LEX_NAME) return parse_name(p);
  if (p->at->type == LEX_CONSTANT) return parse_constant(p);
  if (parser_is_operator(p, "[")) return parse_list(p);
  if (parser_is_operator(p, "{")) return parse_dict(p);
  if (!parser_skip_operator(p, "(")) parser_fail(p, "an expression");
  Node *node = read_tuple(p, whole_expression, NULL, true);
  parser_expect_operator(p, ")");
  return node;
}

static Node *parse_target_part(Parser *p) {
  Node *node = parse_primary(p);
  if (node->kind == NODE_NAME && parser_skip_operator(p, ".")) {
    node->kind = NODE_NAMESPACE;
    node->attribute = parser_take_name(p);
  }
  return node;
}

static void check_target(Parser *p, const Node *node, bool with_namespace) {
  box_enter(p->box);
  if (node->kind == NODE_TUPLE)
    for (size_t i = 0; i < node->items.count; i++) check_target(p, node->items.nodes[i], with_namespace);
  else if (node->kind != NODE_NAME && !(with_namespace && node->kind == NODE_NAMESPACE))
    box_fail(p->box, "a target that is no name");
  box_leave(p->box);
}

Node *parse_target(Parser *p, bool with_namespace, const char *end) {
  Node *node = read_tuple(p, parse_target_part, end, false);
  p->box->line = node->line;
  check_target(p, node, with_namespace);
  return node;
}
