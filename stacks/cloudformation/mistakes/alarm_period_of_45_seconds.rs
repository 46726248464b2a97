use cloudformation::relations::AlarmWindow;

const WINDOW: AlarmWindow<3, 4, 45> = AlarmWindow::new();

fn main() {}
