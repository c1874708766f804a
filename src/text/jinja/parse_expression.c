/* Parsing expressions, by jinja2's grammar: its precedences and its oddities (a test takes the next name or value as
 * its argument, `-x|f` is -(x) filtered). */
#include "text/jinja/builtin.h"
#include "text/jinja/parser.h"

/* (a, b, name=c): positions into items, names into more. */
static void parse_arguments(Parser *p, Node *call) {
  parser_expect_operator(p, "(");
  for (bool first = true; !parser_is_operator(p, ")"); first = false) {
    if (!first) parser_expect_operator(p, ",");
    if (parser_is_operator(p, ")")) break;
    if (p->at->type == LEX_NAME && p->at[1].type == LEX_OPERATOR && strcmp(p->at[1].name, "=") == 0) {
      Node *keyword = parser_node(p, NODE_KEYWORD);
      keyword->name = parser_take_name(p);
      box_step(p->box, call->more.count);
      for (size_t i = 0; i < call->more.count; i++)
        if (strcmp(call->more.nodes[i]->name, keyword->name) == 0)
          box_fail(p->box, "the argument %.60s is given twice", keyword->name);
      p->at++;
      keyword->a = parse_expression(p, true);
      parser_add(p, &call->more, keyword);
    } else {
      if (call->more.count) parser_fail(p, "a named argument behind the first one");
      parser_add(p, &call->items, parse_expression(p, true));
    }
  }
  parser_expect_operator(p, ")");
}

static Node *parse_call(Parser *p, Node *callee) {
  Node *node = parser_node(p, NODE_CALL);
  node->a = callee;
  parse_arguments(p, node);
  return node;
}

/* What stands between [ and ]: an expression, or a slice with up to three parts. */
static Node *parse_subscript(Parser *p) {
  Node *slice = parser_node(p, NODE_SLICE), **parts[] = {&slice->a, &slice->b, &slice->c};
  size_t n_colons = 0;
  for (; n_colons < 3; n_colons++) {
    if (!parser_is_operator(p, ":") && !parser_is_operator(p, "]")) *parts[n_colons] = parse_expression(p, true);
    if (n_colons == 2 || !parser_skip_operator(p, ":")) break;
  }
  if (n_colons > 0) return slice;
  if (!slice->a) parser_fail(p, "an expression");
  return slice->a;
}

static Node *parse_postfix(Parser *p, Node *node) {
  for (;;) {
    if (parser_is_operator(p, "(")) {
      node = parse_call(p, node);
      continue;
    }
    const bool dot = parser_is_operator(p, ".");
    if (!dot && !parser_is_operator(p, "[")) return node;
    Node *access = parser_node(p, NODE_ITEM);
    access->a = node;
    p->at++;
    if (dot && p->at->type == LEX_CONSTANT && p->at->value.kind == VALUE_INT) {
      access->b = parse_primary(p);
    } else if (dot) {
      access->kind = NODE_ATTRIBUTE;
      access->name = parser_take_name(p);
    } else {
      access->b = parse_subscript(p);
      parser_expect_operator(p, "]");
    }
    node = access;
  }
}

Node *parse_filters(Parser *p, Node *node, bool is_inline) {
  while (is_inline || parser_skip_operator(p, "|")) {
    Node *filter = parser_node(p, NODE_FILTER);
    filter->a = node;
    filter->name = parser_take_name(p);
    p->box->line = filter->line;
    filter->builtin = filter_need(p->box, filter->name);
    if (parser_is_operator(p, "(")) parse_arguments(p, filter);
    node = filter;
    is_inline = false;
  }
  return node;
}

/* Behind `is`. */
static Node *parse_test(Parser *p, Node *node) {
  const bool negated = parser_skip_name(p, "not");
  Node *test = parser_node(p, NODE_TEST);
  test->a = node;
  test->name = parser_take_name(p);
  p->box->line = test->line;
  test->builtin = test_need(p->box, test->name);
  const bool is_operand = p->at->type == LEX_NAME || p->at->type == LEX_CONSTANT || parser_is_operator(p, "[") ||
                          parser_is_operator(p, "{");
  if (parser_is_operator(p, "(")) {
    parse_arguments(p, test);
  } else if (is_operand && !parser_is_name(p, "else") && !parser_is_name(p, "or") && !parser_is_name(p, "and")) {
    if (parser_is_name(p, "is")) parser_fail(p, "one test");
    parser_add(p, &test->items, parse_postfix(p, parse_primary(p)));
  }
  if (!negated) return test;
  Node *not = parser_node(p, NODE_NOT);
  not ->a = test;
  return not ;
}

static Node *parse_unary(Parser *p, bool with_filters) {
  Node *node;
  box_enter(p->box);
  if (parser_is_operator(p, "-") || parser_is_operator(p, "+")) {
    node = parser_node(p, NODE_NEGATE);
    node->operator= parser_is_operator(p, "-") ? OP_SUBTRACT : OP_ADD;
    p->at++;
    node->a = parse_unary(p, false);
  } else {
    node = parse_primary(p);
  }
  node = parse_postfix(p, node);
  while (with_filters) {
    if (parser_is_operator(p, "|"))
      node = parse_filters(p, node, false);
    else if (parser_skip_name(p, "is"))
      node = parse_test(p, node);
    else if (parser_is_operator(p, "("))
      node = parse_call(p, node);
    else
      break;
  }
  box_leave(p->box);
  return node;
}

typedef struct Binary {
  const char *mark;
  Operator operator;
} Binary;

static Node *two(Parser *p, NodeKind kind, Node *a) {
  Node *node = parser_node(p, kind);
  node->a = a;
  return node;
}

/* One level of left-associative operators; next is the level that binds tighter. */
static Node *parse_level(Parser *p, const Binary *operators, size_t n, Node *(*next)(Parser *p)) {
  Node *left = next(p);
  for (size_t i = 0; i < n; i++) {
    if (!parser_is_operator(p, operators[i].mark)) continue;
    left = two(p, NODE_BINARY, left);
    left->operator= operators[i].operator;
    p->at++;
    left->b = next(p);
    i = (size_t)-1; /* and from the first operator again */
  }
  return left;
}

static Node *parse_filtered(Parser *p) { return parse_unary(p, true); }

static Node *parse_power(Parser *p) {
  static const Binary operators[] = {{"**", OP_POWER}};
  return parse_level(p, operators, 1, parse_filtered);
}

static Node *parse_product(Parser *p) {
  static const Binary operators[] = {{"*", OP_MULTIPLY}, {"/", OP_DIVIDE}, {"//", OP_FLOOR_DIVIDE}, {"%", OP_MODULO}};
  return parse_level(p, operators, 4, parse_power);
}

static Node *parse_concat(Parser *p) {
  Node *first = parse_product(p);
  if (!parser_is_operator(p, "~")) return first;
  Node *node = parser_node(p, NODE_CONCAT);
  parser_add(p, &node->items, first);
  while (parser_skip_operator(p, "~")) parser_add(p, &node->items, parse_product(p));
  return node;
}

static Node *parse_sum(Parser *p) {
  static const Binary operators[] = {{"+", OP_ADD}, {"-", OP_SUBTRACT}};
  return parse_level(p, operators, 2, parse_concat);
}

/* The comparison that stands here, taken; false where there is none. */
static bool take_comparison(Parser *p, Operator *operator) {
  static const Binary operators[] = {{"==", OP_EQUAL},      {"!=", OP_UNEQUAL}, {"<", OP_LESS},
                                     {"<=", OP_LESS_EQUAL}, {">", OP_GREATER},  {">=", OP_GREATER_EQUAL}};
  for (size_t i = 0; i < sizeof operators / sizeof operators[0]; i++)
    if (parser_skip_operator(p, operators[i].mark)) {
      *operator= operators[i].operator;
      return true;
    }
  if (parser_is_name(p, "not") && p->at[1].type == LEX_NAME && strcmp(p->at[1].name, "in") == 0) {
    p->at += 2;
    *operator= OP_NOT_IN;
    return true;
  }
  *operator= OP_IN;
  return parser_skip_name(p, "in");
}

static Node *parse_comparison(Parser *p) {
  Node *first = parse_sum(p), *node = NULL;
  Operator operator;
  while (take_comparison(p, &operator)) {
    if (!node) node = two(p, NODE_COMPARE, first);
    Node *operand = parser_node(p, NODE_OPERAND);
    operand->operator= operator;
    operand->a = parse_sum(p);
    parser_add(p, &node->items, operand);
  }
  return node ? node : first;
}

static Node *parse_not(Parser *p) {
  if (!parser_is_name(p, "not")) return parse_comparison(p);
  Node *node = parser_node(p, NODE_NOT);
  p->at++;
  box_enter(p->box);
  node->a = parse_not(p);
  box_leave(p->box);
  return node;
}

static Node *parse_and(Parser *p) {
  Node *left = parse_not(p);
  while (parser_skip_name(p, "and")) {
    left = two(p, NODE_AND, left);
    left->b = parse_not(p);
  }
  return left;
}

static Node *parse_or(Parser *p) {
  Node *left = parse_and(p);
  while (parser_skip_name(p, "or")) {
    left = two(p, NODE_OR, left);
    left->b = parse_and(p);
  }
  return left;
}

Node *parse_expression(Parser *p, bool with_condition) {
  box_enter(p->box);
  Node *node = parse_or(p);
  while (with_condition && parser_skip_name(p, "if")) {
    Node *condition = two(p, NODE_CONDITION, node);
    condition->test = parse_or(p);
    if (parser_skip_name(p, "else")) condition->b = parse_expression(p, true);
    node = condition;
  }
  box_leave(p->box);
  return node;
}
